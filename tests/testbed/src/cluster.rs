//! PostgreSQL for tests: started on a private socket, gone with the process however it ends.
//!
//! A supervisor in `sh` makes the cluster, runs it, and waits for the end of its standard input. We hold the other end
//! of that pipe; the kernel closes it when this process is gone, also after a panic or SIGKILL.

use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use sea_orm::{ConnectOptions, ConnectionTrait, Database, DbErr};

/// Set to `1` where a missing PostgreSQL is a failure: on the build server.
pub(crate) const REQUIRE: &str = "DEALFLOW_REQUIRE_POSTGRES";

/// The superuser of the cluster.
const USER: &str = "dealflow";
/// How long a start may take on a busy machine.
const START: Duration = Duration::from_secs(60);

/// Arguments: folder, folder of the binaries, system user or nothing, fsync on or off.
/// The signals of a terminal go to the test only: it ends, then the pipe, then this.
const SUPERVISOR: &str = r#"
dir=$1 bin=$2 as=$3 fsync=$4
trap '' INT TERM HUP
cd "$dir" || exit 1
run() { if [ -n "$as" ]; then runuser -u "$as" -- "$@"; else "$@"; fi; }
[ -z "$as" ] || chown "$as" "$dir"
if ! run "$bin/initdb" -D "$dir/data" -U dealflow --auth=trust --no-sync --locale=C --encoding=UTF8 >"$dir/log" 2>&1
then cat "$dir/log" >&2; cd /; rm -rf "$dir"; exit 1; fi
run "$bin/postgres" -D "$dir/data" -k "$dir" -c listen_addresses= -c max_connections=400 -c shared_buffers=32MB \
    -c fsync="$fsync" -c full_page_writes="$fsync" -c autovacuum=off >>"$dir/log" 2>&1 </dev/null &
cat >/dev/null
pid=$(head -n 1 "$dir/data/postmaster.pid" 2>/dev/null) && kill -QUIT "$pid"
wait
cd /; rm -rf "$dir"
"#;

/// A running PostgreSQL; stopped and removed when it is dropped or the process ends.
#[derive(Debug)]
pub struct Cluster {
    folder: PathBuf,
    supervisor: Mutex<Child>,
}

impl Cluster {
    /// The cluster of this test process, started at first use; nothing of it reaches the disk in a hurry.
    pub fn shared() -> Arc<Self> {
        static SHARED: OnceLock<Arc<Cluster>> = OnceLock::new();
        SHARED.get_or_init(|| Arc::new(Self::start(false))).clone()
    }

    /// Starts a cluster; `fsync` where what is measured or shown is durability. Blocks for a second or two, and panics
    /// with PostgreSQL's own log where it does not start.
    pub fn start(fsync: bool) -> Self {
        let bin = postgres_available().expect("PostgreSQL is installed");
        let folder = tempfile::Builder::new().prefix("dealflow-pg-").tempdir().expect("a temporary folder can be made");
        let root = fs::metadata(folder.path()).is_ok_and(|folder| folder.uid() == 0);
        // The supervisor removes it; it must outlive a panic between here and there.
        let folder = folder.keep();
        let supervisor = Command::new("sh")
            .args(["-c", SUPERVISOR, "supervisor"])
            .args([folder.as_os_str(), bin.as_os_str()])
            // PostgreSQL refuses to run as root.
            .args([if root { "postgres" } else { "" }, if fsync { "on" } else { "off" }])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .expect("sh starts");
        let cluster = Self { folder, supervisor: Mutex::new(supervisor) };
        cluster.wait_until_ready();
        cluster
    }

    /// The URL of a database on it.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{USER}@localhost/{database}?host={}", self.folder.display())
    }

    /// Runs a statement on a connection of its own, in the database that is always there.
    pub async fn execute(&self, sql: &str) -> Result<(), DbErr> {
        let mut options = ConnectOptions::new(self.url("postgres"));
        options.max_connections(1).sqlx_logging(false).acquire_timeout(START);
        let connection = Database::connect(options).await?;
        let done = connection.execute_unprepared(sql).await.map(drop);
        connection.close().await?;
        done
    }

    fn wait_until_ready(&self) {
        let start = Instant::now();
        while !is_ready(&self.folder.join("data/postmaster.pid")) {
            let mut supervisor = self.supervisor.lock().unwrap_or_else(PoisonError::into_inner);
            if supervisor.try_wait().is_ok_and(|ended| ended.is_some()) {
                let mut log = String::new();
                if let Some(stderr) = &mut supervisor.stderr {
                    stderr.read_to_string(&mut log).expect("the supervisor's last words can be read");
                }
                panic!("PostgreSQL did not start: {log}");
            }
            if start.elapsed() > START {
                let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
                panic!("PostgreSQL was not ready after {START:?}: {log}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let supervisor = self.supervisor.get_mut().unwrap_or_else(PoisonError::into_inner);
        drop(supervisor.stdin.take());
        if let Err(error) = supervisor.wait() {
            eprintln!("{} may be left behind: {error}", self.folder.display());
        }
    }
}

/// The server writes its state in the eighth line of its pid file.
fn is_ready(pid_file: &Path) -> bool {
    fs::read_to_string(pid_file).is_ok_and(|text| text.lines().nth(7).is_some_and(|state| state.trim() == "ready"))
}

/// The folder of PostgreSQL's binaries: from PATH, else the newest where Debian keeps them; `None` if not installed.
pub fn postgres_available() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut debian: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .map(|versions| versions.filter_map(|version| Some(version.ok()?.path().join("bin"))).collect())
        .unwrap_or_default();
    debian.sort_by_key(|bin| {
        let version = bin.parent().and_then(Path::file_name).and_then(|name| name.to_str()?.parse::<u32>().ok());
        std::cmp::Reverse(version)
    });
    std::env::split_paths(&path)
        .chain(debian)
        .find(|bin| ["initdb", "postgres"].iter().all(|binary| bin.join(binary).is_file()))
}
