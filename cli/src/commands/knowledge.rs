//! `dealflow knowledge`: documents that help to do the work (R-ACT-6).

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use dealflow_proto::activities::v1::{
    CreateKnowledgeDocumentRequest, GetKnowledgeDocumentRequest, KnowledgeDocument, ListKnowledgeDocumentsRequest,
};
use serde_json::json;

use super::deal::quoted;
use crate::api::{Api, all_pages, new_id};
use crate::client::Target;
use crate::show::{self, json as data};

const EXAMPLES: &str = "\
Examples:
  dealflow knowledge list pricing
  dealflow knowledge add pricing 'How we price' --link https://wiki.example.com/pricing --tag sales
  dealflow knowledge add checklist Checklist --file checklist.md --language en
  dealflow knowledge show checklist --save checklist.md";

/// What to do with documents.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum Knowledge {
    /// List documents, all or those with a word in title, tags or summary
    List(List),
    /// Show a document; --save writes its file
    Show(Show),
    /// Add a document: a link, or a small file
    Add(Add),
}

/// Arguments of `knowledge list`.
#[derive(Debug, Args)]
pub struct List {
    /// A word to look for
    word: Option<String>,
    /// The result as JSON
    #[arg(long)]
    json: bool,
    /// Which suite
    #[command(flatten)]
    target: Target,
}

/// Arguments of `knowledge show`.
#[derive(Debug, Args)]
pub struct Show {
    /// The document, e.g. pricing
    document: String,
    /// Write its file here
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// The result as JSON
    #[arg(long)]
    json: bool,
    /// Which suite
    #[command(flatten)]
    target: Target,
}

/// Arguments of `knowledge add`.
#[derive(Debug, Args)]
pub struct Add {
    /// The last part of its name: a-z, 0-9 and hyphens
    id: String,
    /// What people call it
    title: String,
    /// Where it is
    #[arg(long, value_name = "URL", required_unless_present = "file", conflicts_with = "file")]
    link: Option<String>,
    /// The file itself
    #[arg(long)]
    file: Option<PathBuf>,
    /// Its media type, e.g. text/markdown
    #[arg(long, default_value = "")]
    media_type: String,
    /// In which language it is, e.g. en
    #[arg(long, default_value = "")]
    language: String,
    /// What it is good for
    #[arg(long, default_value = "")]
    summary: String,
    /// A word to find it by; several by several --tag
    #[arg(long = "tag", value_name = "WORD")]
    tags: Vec<String>,
    /// The result as JSON
    #[arg(long)]
    json: bool,
    /// Which suite
    #[command(flatten)]
    target: Target,
}

impl Knowledge {
    /// Runs the command.
    pub async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::List(list) => list.run().await,
            Self::Show(show) => show.run().await,
            Self::Add(add) => add.run().await,
        }
    }
}

impl List {
    async fn run(self) -> anyhow::Result<()> {
        let filter = self.word.as_deref().map(quoted).unwrap_or_default();
        let list = async |api: Api| {
            let all = all_pages(|page_token| {
                let ask = ListKnowledgeDocumentsRequest {
                    page_size: 1000,
                    page_token,
                    filter: filter.clone(),
                    ..Default::default()
                };
                let api = &api;
                async move {
                    let page = api.knowledge.clone().list_knowledge_documents(api.ask(ask)).await?.into_inner();
                    Ok((page.documents, page.next_page_token))
                }
            });
            Ok(all.await?)
        };
        let documents = self.target.ask(list).await?;
        if self.json {
            return data::print(&json!({ "documents": data::list(&documents, data::knowledge) }));
        }
        println!("{}", table(&documents));
        Ok(())
    }
}

impl Show {
    async fn run(self) -> anyhow::Result<()> {
        let document = &self.document;
        let name = if document.contains('/') { document.clone() } else { format!("knowledge/{document}") };
        let ask = GetKnowledgeDocumentRequest { name };
        let read = async |api: Api| Ok(api.knowledge.clone().get_knowledge_document(api.ask(ask)).await?.into_inner());
        let document = self.target.ask(read).await?;
        if let Some(file) = &self.save {
            std::fs::write(file, &document.content).with_context(|| format!("{} cannot be written", file.display()))?;
        }
        if self.json {
            return data::print(&data::knowledge(&document));
        }
        println!("{}", table(std::slice::from_ref(&document)));
        if !document.summary.is_empty() {
            println!("{}", document.summary);
        }
        Ok(())
    }
}

impl Add {
    async fn run(self) -> anyhow::Result<()> {
        let content = match &self.file {
            Some(file) => std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?,
            None => Vec::new(),
        };
        let file_name = self.file.as_ref().and_then(|file| file.file_name()).unwrap_or_default();
        let document = KnowledgeDocument {
            title: self.title,
            language_code: self.language,
            summary: self.summary,
            tags: self.tags,
            link: self.link.unwrap_or_default(),
            content,
            file_name: file_name.to_string_lossy().into_owned(),
            media_type: self.media_type,
            ..KnowledgeDocument::default()
        };
        let ask = CreateKnowledgeDocumentRequest {
            document: Some(document),
            document_id: self.id,
            request_id: new_id(),
            ..CreateKnowledgeDocumentRequest::default()
        };
        let add =
            async |api: Api| Ok(api.knowledge.clone().create_knowledge_document(api.ask(ask)).await?.into_inner());
        let made = self.target.ask(add).await?;
        if self.json {
            return data::print(&data::knowledge(&made));
        }
        println!("{}", table(&[made]));
        Ok(())
    }
}

fn table(documents: &[KnowledgeDocument]) -> comfy_table::Table {
    let mut table = show::table(&["document", "title", "language", "tags", "where"]);
    for document in documents {
        let file = format!("{} ({} bytes)", document.file_name, document.size);
        table.add_row([
            document.name.trim_start_matches("knowledge/"),
            &document.title,
            &document.language_code,
            &document.tags.join(", "),
            if document.link.is_empty() { &file } else { &document.link },
        ]);
    }
    table
}
