//! Serving: where it is reached, who else may not, and how it stops.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::{program, run, run_on};

/// How long a suite may take to start or to stop on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// A suite that serves; killed if a test ends before it.
pub(super) struct Serving {
    child: Child,
    out: BufReader<ChildStdout>,
    pub(super) gateway: String,
    /// The operators' port, where there is one.
    pub(super) admin: Option<String>,
    /// What it said at its start.
    pub(super) told: String,
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended already, which is as good.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

impl Serving {
    /// Starts on free ports, and reads from its table where the gateway is.
    pub(super) fn start(folder: &Path) -> Self {
        Self::start_with(folder, &[], &[])
    }

    /// The same with further arguments and environment.
    pub(super) fn start_with(folder: &Path, args: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = program(&["serve", "--log", "warn"]);
        command.envs(environment.iter().copied());
        Self::begin(command, folder, args)
    }

    /// The same with a log that is kept.
    pub(super) fn start_logging(folder: &Path, args: &[&str], environment: &[(&str, &str)], log: &Path) -> Self {
        let mut command = program(&["serve"]);
        command.envs(environment.iter().copied());
        command.stderr(std::fs::File::create(log).expect("the log can be written"));
        Self::begin(command, folder, args)
    }

    fn begin(command: Command, folder: &Path, args: &[&str]) -> Self {
        let serving = Self::begin_part(command, folder, args, "gateway");
        let told = &serving.told;
        assert!(["leads", "opportunities", "activities", "orders"].iter().all(|part| told.contains(part)));
        serving
    }

    /// One part alone, whose address stands where else the gateway's does.
    pub(super) fn start_part(folder: &Path, part: &str, args: &[&str]) -> Self {
        Self::begin_part(program(&["serve", part, "--log", "warn"]), folder, args, part)
    }

    fn begin_part(mut command: Command, folder: &Path, args: &[&str], part: &str) -> Self {
        command.args(args);
        if !args.contains(&"--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        Self::begin_where_it_is(command, folder, part)
    }

    /// At the place that the command itself says, by a flag or its environment.
    fn begin_where_it_is(mut command: Command, folder: &Path, part: &str) -> Self {
        let mut child = command.arg("--data").arg(folder).stdout(Stdio::piped()).spawn().expect("the program starts");
        let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut told = String::new();
        while !told.contains("stops.") {
            assert_ne!(out.read_line(&mut told).expect("output"), 0, "ended at its start: {told}");
        }
        let row = told.lines().find(|line| line.contains(&format!("│ {part}"))).expect("a row of the part");
        let address = row.split_whitespace().find(|word| word.starts_with("http")).expect("an address");
        let admin = told.lines().find_map(|line| line.strip_prefix("For operators: ")?.split_once("/metrics"));
        let admin = admin.map(|(admin, _)| admin.to_owned());
        Self { gateway: address.to_owned(), admin, child, out, told }
    }

    /// SIGKILL: nothing is told before.
    pub(super) fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// Sends SIGTERM, and waits for the end.
    pub(super) fn stop(mut self) -> (ExitStatus, String) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().expect("kill").success());
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).expect("output");
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return (status, rest);
            }
            assert!(start.elapsed() < DEADLINE, "does not stop: {rest}");
            std::thread::yield_now();
        }
    }
}

#[test]
fn one_suite_serves_a_folder_a_second_one_is_told_and_sigterm_stops_it_in_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let serving = Serving::start(folder.path());

    let second = run_on(folder.path(), &["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(second.code, Some(1), "{}", second.out);
    assert!(second.err.contains("is in use") && second.err.contains("--data"), "{}", second.err);
    assert!(second.err.contains(&format!("gateway at {}", serving.gateway)), "{}", second.err);
    let beside = run_on(folder.path(), &["pipeline"]);
    assert!(beside.err.contains("talk to that one with --gateway"), "{}", beside.err);

    let through = run(&["pipeline", "--json", "--gateway", &serving.gateway]).json(0);
    assert_eq!(through["stages"], serde_json::json!([]));

    let (status, rest) = serving.stop();
    assert_eq!(status.code(), Some(0), "{rest}");
    assert!(rest.contains("stopping") && rest.ends_with("stopped\n"), "{rest}");
    // The folder is free again, its databases closed.
    assert_eq!(run_on(folder.path(), &["pipeline"]).code, Some(0));
}

#[test]
fn a_port_that_is_taken_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port();
    let listen = format!("127.0.0.1:{port}");
    let ended = run_on(folder.path(), &["serve", "gateway", "--listen", &listen]);
    assert_eq!(ended.code, Some(1), "{}", ended.out);
    let told = format!("gateway cannot listen on {listen}: another program does; choose another port with --listen");
    assert!(ended.err.contains(&told), "{}", ended.err);
}

/// One part listens where it is told to; what is said for all parts in the environment is the gateway's place, and
/// each finds its own behind it.
#[test]
fn a_part_alone_listens_at_the_address_that_it_is_given() {
    let folder = tempfile::tempdir().expect("a folder");
    // Two ports in a row that nobody has.
    let first = loop {
        let free = TcpListener::bind("127.0.0.1:0").expect("a port");
        let first = free.local_addr().expect("an address").port();
        if first.checked_add(1).is_some_and(|next| TcpListener::bind(("127.0.0.1", next)).is_ok()) {
            break first;
        }
    };
    let leads = Serving::start_part(folder.path(), "leads", &["--listen", &format!("127.0.0.1:{first}")]);
    assert_eq!(leads.gateway, format!("http://127.0.0.1:{first}"), "{}", leads.told);
    let (status, rest) = leads.stop();
    assert!(status.success(), "{rest}");

    let mut command = program(&["serve", "leads", "--log", "warn"]);
    command.env("DEALFLOW_LISTEN", format!("127.0.0.1:{first}"));
    let leads = Serving::begin_where_it_is(command, folder.path(), "leads");
    assert_eq!(leads.gateway, format!("http://127.0.0.1:{}", first + 1), "{}", leads.told);
}

#[test]
fn all_ports_that_are_taken_are_named_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    // The parts take the ports after the gateway's: of leads and of activities somebody else is there.
    let (leads, activities) = loop {
        let leads = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = leads.local_addr().expect("an address").port();
        if let Some(Ok(activities)) = port.checked_add(2).map(|port| TcpListener::bind(("127.0.0.1", port))) {
            break (leads, activities);
        }
    };
    let [leads, activities] = [&leads, &activities].map(|taken| taken.local_addr().expect("an address"));
    let ended = run_on(folder.path(), &["serve", "--listen", &format!("127.0.0.1:{}", leads.port() - 1)]);
    assert_eq!(ended.code, Some(1), "{}", ended.out);
    assert!(ended.err.contains(&format!("leads on {leads}")), "{}", ended.err);
    assert!(ended.err.contains(&format!("activities on {activities}")), "{}", ended.err);
}
