//! The protocol's methods. Each says which question is asked of which document; the answers are made elsewhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::sync::{mpsc, watch};
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::ls_types::{
    CodeActionKind, CodeActionOptions, CodeActionParams, CodeActionProviderCapability, CodeActionResponse,
    CompletionOptions, CompletionParams, CompletionResponse, DidChangeTextDocumentParams, DidChangeWatchedFilesParams,
    DidCloseTextDocumentParams, DidOpenTextDocumentParams, DidSaveTextDocumentParams, DocumentFormattingParams,
    DocumentHighlight, DocumentHighlightParams, DocumentSymbolParams, DocumentSymbolResponse, FoldingRange,
    FoldingRangeParams, FoldingRangeProviderCapability, GotoDefinitionParams, GotoDefinitionResponse, Hover,
    HoverParams, HoverProviderCapability, InitializeParams, InitializeResult, InlayHint, InlayHintParams, Location,
    MessageType, OneOf, PrepareRenameResponse, Range, ReferenceParams, Registration, RenameOptions, RenameParams,
    SemanticTokens, SemanticTokensFullOptions, SemanticTokensOptions, SemanticTokensParams, SemanticTokensRangeParams,
    SemanticTokensRangeResult, SemanticTokensResult, SemanticTokensServerCapabilities, ServerCapabilities, ServerInfo,
    SignatureHelp, SignatureHelpOptions, SignatureHelpParams, TextDocumentPositionParams, TextDocumentSyncCapability,
    TextDocumentSyncKind, TextDocumentSyncOptions, TextDocumentSyncSaveOptions, TextEdit, Uri, WorkDoneProgressOptions,
    WorkspaceEdit, WorkspaceSymbolParams, WorkspaceSymbolResponse,
};
use tower_lsp::{Client, LanguageServer};
use weft_compiler::{FileId, format};

use crate::documents::Shared;
use crate::features::{actions, completion, folding, hints, names, rename, signature, symbols, tokens};
use crate::findings::{Findings, Place};
use crate::proto::{self, Encoding, View};
use crate::worker::{self, Desk, Word};
use crate::{Ended, Projects};

/// How the names of sources end, and the name of a project's configuration.
const SOURCES: &str = "wf";
const CONFIG_FILE: &str = "weft.toml";

/// How often it is looked whether the process that began this one lives.
const PARENT_EVERY: Duration = Duration::from_secs(3);

/// One client's server.
pub(crate) struct Backend {
    client: Client,
    desk: Arc<Desk>,
    projects: Arc<dyn Projects>,
    session: Session,
}

/// How it ends.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    parent: watch::Sender<Option<i32>>,
    shut_down: Arc<AtomicBool>,
}

impl Session {
    /// Waits until the process that the client said it is is gone; for ever if it said none.
    pub(crate) async fn client_gone(&self) {
        let mut parent = self.parent.subscribe();
        let known = parent.wait_for(Option::is_some).await.ok().and_then(|parent| *parent);
        let Some(process) = known else { return std::future::pending().await };
        while lives(process) {
            tokio::time::sleep(PARENT_EVERY).await;
        }
    }

    pub(crate) fn end(&self) -> Ended {
        if self.shut_down.load(Ordering::Relaxed) { Ended::Clean } else { Ended::Abrupt }
    }
}

/// The files that the client is to watch: sources and what projects are configured with.
fn watching() -> Registration {
    let watchers = [format!("**/*.{SOURCES}"), format!("**/{CONFIG_FILE}")];
    let watchers = watchers.map(|pattern| json!({ "globPattern": pattern }));
    Registration {
        id: "sources".to_owned(),
        method: "workspace/didChangeWatchedFiles".to_owned(),
        register_options: Some(json!({ "watchers": watchers })),
    }
}

/// Whether there is a process of this number.
fn lives(process: i32) -> bool {
    let asked = nix::sys::signal::kill(nix::unistd::Pid::from_raw(process), None);
    asked != Err(nix::errno::Errno::ESRCH)
}

impl Backend {
    pub(crate) fn new(client: Client, projects: Arc<dyn Projects>) -> Backend {
        let session = Session { parent: watch::Sender::new(None), shut_down: Arc::default() };
        Backend { client, desk: Arc::default(), projects, session }
    }

    pub(crate) fn session(&self) -> Session {
        self.session.clone()
    }

    /// A document that is open, and how its columns count.
    fn document(&self, uri: &Uri) -> Option<(Shared, Encoding)> {
        let workspace = self.desk.lock();
        workspace.document(uri).map(|document| (document, workspace.encoding))
    }

    /// Answers from a document on a thread of its own: reading a long one takes a while that other requests need not wait.
    async fn of_document<T: Send + 'static>(
        &self,
        uri: &Uri,
        answer: impl FnOnce(&Shared, View<'_>) -> T + Send + 'static,
    ) -> Result<Option<T>> {
        let Some((document, encoding)) = self.document(uri) else { return Ok(None) };
        let answering = tokio::task::spawn_blocking(move || {
            let view = View { text: &document.text, lines: &document.lines, encoding };
            answer(&document, view)
        });
        answering.await.map(Some).map_err(|error| {
            tracing::error!(%error, "a request ended by a bug in weft");
            Error::internal_error()
        })
    }
}

impl Backend {
    /// Answers from what is known of a project on a thread of its own.
    async fn of_findings<T: Send + 'static>(
        &self,
        uri: &Uri,
        answer: impl FnOnce(&Findings) -> T + Send + 'static,
    ) -> Result<Option<T>> {
        let Some(findings) = self.desk.known(uri).await else { return Ok(None) };
        tokio::task::spawn_blocking(move || answer(&findings)).await.map(Some).map_err(|error| {
            tracing::error!(%error, "a request ended by a bug in weft");
            Error::internal_error()
        })
    }

    /// Answers about a place of a document.
    async fn of_place<T: Send + 'static>(
        &self,
        asked: TextDocumentPositionParams,
        answer: impl FnOnce(Place<'_>) -> Option<T> + Send + 'static,
    ) -> Result<Option<T>> {
        let (uri, position) = (asked.text_document.uri, asked.position);
        let of = uri.clone();
        Ok(self.of_findings(&uri, move |findings| answer(findings.place(&of, position)?)).await?.flatten())
    }

    /// Answers about the lines of a range.
    async fn of_range<T: Send + 'static>(
        &self,
        uri: Uri,
        range: Option<Range>,
        answer: impl FnOnce(&Findings, FileId, std::ops::Range<usize>) -> Option<T> + Send + 'static,
    ) -> Result<Option<T>> {
        let of = uri.clone();
        let answered = self.of_findings(&uri, move |findings| {
            let file = findings.file(&of)?;
            let view = findings.view(file)?;
            let bytes = range.map_or(0..view.text.len() + 1, |range| view.offset(range.start)..view.offset(range.end));
            answer(findings, file, bytes)
        });
        Ok(answered.await?.flatten())
    }
}

impl LanguageServer for Backend {
    async fn initialize(&self, params: InitializeParams) -> Result<InitializeResult> {
        let general = params.capabilities.general.as_ref();
        let encoding = Encoding::of(general.and_then(|general| general.position_encodings.as_deref()));
        let text_document = params.capabilities.text_document.as_ref();
        let completion = text_document.and_then(|all| all.completion.as_ref()?.completion_item.as_ref());
        {
            let mut workspace = self.desk.lock();
            workspace.encoding = encoding;
            workspace.snippets = completion.and_then(|item| item.snippet_support) == Some(true);
            let outside = params.capabilities.workspace.as_ref().and_then(|all| all.did_change_watched_files);
            workspace.watches = outside.and_then(|watched| watched.dynamic_registration) == Some(true);
        }
        self.session.parent.send_replace(params.process_id.and_then(|process| i32::try_from(process).ok()));
        Ok(InitializeResult {
            capabilities: ServerCapabilities {
                position_encoding: Some(encoding.kind()),
                text_document_sync: Some(TextDocumentSyncCapability::Options(TextDocumentSyncOptions {
                    open_close: Some(true),
                    change: Some(TextDocumentSyncKind::INCREMENTAL),
                    save: Some(TextDocumentSyncSaveOptions::Supported(true)),
                    ..TextDocumentSyncOptions::default()
                })),
                hover_provider: Some(HoverProviderCapability::Simple(true)),
                completion_provider: Some(CompletionOptions {
                    trigger_characters: Some(vec![".".to_owned()]),
                    ..CompletionOptions::default()
                }),
                signature_help_provider: Some(SignatureHelpOptions {
                    trigger_characters: Some(vec!["(".to_owned(), ",".to_owned()]),
                    ..SignatureHelpOptions::default()
                }),
                definition_provider: Some(OneOf::Left(true)),
                references_provider: Some(OneOf::Left(true)),
                document_highlight_provider: Some(OneOf::Left(true)),
                workspace_symbol_provider: Some(OneOf::Left(true)),
                rename_provider: Some(OneOf::Right(RenameOptions {
                    prepare_provider: Some(true),
                    work_done_progress_options: WorkDoneProgressOptions::default(),
                })),
                semantic_tokens_provider: Some(SemanticTokensServerCapabilities::SemanticTokensOptions(
                    SemanticTokensOptions {
                        legend: tokens::legend(),
                        range: Some(true),
                        full: Some(SemanticTokensFullOptions::Bool(true)),
                        work_done_progress_options: WorkDoneProgressOptions::default(),
                    },
                )),
                inlay_hint_provider: Some(OneOf::Left(true)),
                document_symbol_provider: Some(OneOf::Left(true)),
                folding_range_provider: Some(FoldingRangeProviderCapability::Simple(true)),
                document_formatting_provider: Some(OneOf::Left(true)),
                code_action_provider: Some(CodeActionProviderCapability::Options(CodeActionOptions {
                    code_action_kinds: Some(vec![CodeActionKind::QUICKFIX]),
                    ..CodeActionOptions::default()
                })),
                ..ServerCapabilities::default()
            },
            server_info: Some(ServerInfo {
                name: "weft".to_owned(),
                version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            }),
            offset_encoding: None,
        })
    }

    async fn initialized(&self, _: tower_lsp::ls_types::InitializedParams) {
        let (words, mut said) = mpsc::unbounded_channel();
        let client = self.client.clone();
        tokio::spawn(async move {
            while let Some(word) = said.recv().await {
                match word {
                    Word::Diagnostics { uri, version, all } => client.publish_diagnostics(uri, all, version).await,
                    Word::Trouble(why) => client.show_message(MessageType::WARNING, why).await,
                }
            }
        });
        if self.desk.lock().watches {
            let client = self.client.clone();
            // Whether it answers, and when, is nothing to wait for.
            tokio::spawn(async move {
                if let Err(error) = client.register_capability(vec![watching()]).await {
                    tracing::debug!(%error, "files that change outside are noticed when something is saved");
                }
            });
        }
        let say = move |word| words.send(word).map_err(|_| ());
        if let Err(error) = worker::start(self.desk.clone(), self.projects.clone(), say) {
            tracing::error!(%error, "no thread to be had: nothing is checked");
        }
    }

    async fn shutdown(&self) -> Result<()> {
        self.session.shut_down.store(true, Ordering::Relaxed);
        Ok(())
    }

    async fn did_open(&self, params: DidOpenTextDocumentParams) {
        let document = params.text_document;
        self.desk.lock().open(document.uri, document.version, document.text);
        self.desk.hand_off();
    }

    async fn did_change(&self, params: DidChangeTextDocumentParams) {
        let document = params.text_document;
        self.desk.lock().change(document.uri, document.version, params.content_changes);
        self.desk.hand_off();
    }

    async fn did_close(&self, params: DidCloseTextDocumentParams) {
        self.desk.lock().close(params.text_document.uri);
        self.desk.hand_off();
    }

    async fn did_save(&self, _: DidSaveTextDocumentParams) {
        self.desk.lock().disk_changed();
        self.desk.hand_off();
    }

    async fn did_change_watched_files(&self, _: DidChangeWatchedFilesParams) {
        self.desk.lock().disk_changed();
        self.desk.hand_off();
    }

    async fn document_symbol(&self, params: DocumentSymbolParams) -> Result<Option<DocumentSymbolResponse>> {
        let uri = params.text_document.uri;
        let found = self.of_document(&uri, |document, view| symbols::outline(&document.tree().0, view)).await?;
        Ok(found.map(DocumentSymbolResponse::Nested))
    }

    async fn folding_range(&self, params: FoldingRangeParams) -> Result<Option<Vec<FoldingRange>>> {
        let uri = params.text_document.uri;
        self.of_document(&uri, |document, view| folding::folds(&document.tree().0, view)).await
    }

    async fn formatting(&self, params: DocumentFormattingParams) -> Result<Option<Vec<TextEdit>>> {
        let uri = params.text_document.uri;
        let laid_out =
            |document: &Shared, view: View<'_>| proto::rewrite(view, &format::format(FileId(0), &document.text).text);
        self.of_document(&uri, laid_out).await
    }

    async fn hover(&self, params: HoverParams) -> Result<Option<Hover>> {
        self.of_place(params.text_document_position_params, names::hover).await
    }

    async fn goto_definition(&self, params: GotoDefinitionParams) -> Result<Option<GotoDefinitionResponse>> {
        let found = self.of_place(params.text_document_position_params, names::definition).await?;
        Ok(found.map(GotoDefinitionResponse::Scalar))
    }

    async fn references(&self, params: ReferenceParams) -> Result<Option<Vec<Location>>> {
        let with_declaration = params.context.include_declaration;
        self.of_place(params.text_document_position, move |place| names::references(place, with_declaration)).await
    }

    async fn document_highlight(&self, params: DocumentHighlightParams) -> Result<Option<Vec<DocumentHighlight>>> {
        self.of_place(params.text_document_position_params, names::highlights).await
    }

    async fn completion(&self, params: CompletionParams) -> Result<Option<CompletionResponse>> {
        let snippets = self.desk.lock().snippets;
        let items = self.of_place(params.text_document_position, move |place| Some(completion::at(place, snippets)));
        Ok(items.await?.map(CompletionResponse::Array))
    }

    async fn signature_help(&self, params: SignatureHelpParams) -> Result<Option<SignatureHelp>> {
        self.of_place(params.text_document_position_params, signature::help).await
    }

    async fn prepare_rename(&self, params: TextDocumentPositionParams) -> Result<Option<PrepareRenameResponse>> {
        self.of_place(params, rename::prepare).await
    }

    async fn rename(&self, params: RenameParams) -> Result<Option<WorkspaceEdit>> {
        let new = params.new_name;
        let renamed = self.of_place(params.text_document_position, move |place| Some(rename::rename(place, &new)));
        renamed.await?.transpose().map(Option::flatten).map_err(Error::invalid_params)
    }

    async fn symbol(&self, params: WorkspaceSymbolParams) -> Result<Option<WorkspaceSymbolResponse>> {
        let projects = self.desk.lock().all_known();
        let found = tokio::task::spawn_blocking(move || {
            projects.iter().flat_map(|findings| names::symbols(findings, &params.query)).collect()
        });
        let found = found.await.map_err(|_| Error::internal_error())?;
        Ok(Some(WorkspaceSymbolResponse::Flat(found)))
    }

    async fn semantic_tokens_full(&self, params: SemanticTokensParams) -> Result<Option<SemanticTokensResult>> {
        let data = self.of_range(params.text_document.uri, None, tokens::between).await?;
        Ok(data.map(|data| SemanticTokensResult::Tokens(SemanticTokens { result_id: None, data })))
    }

    async fn semantic_tokens_range(
        &self,
        params: SemanticTokensRangeParams,
    ) -> Result<Option<SemanticTokensRangeResult>> {
        let data = self.of_range(params.text_document.uri, Some(params.range), tokens::between).await?;
        Ok(data.map(|data| SemanticTokensRangeResult::Tokens(SemanticTokens { result_id: None, data })))
    }

    async fn inlay_hint(&self, params: InlayHintParams) -> Result<Option<Vec<InlayHint>>> {
        self.of_range(params.text_document.uri, Some(params.range), hints::between).await
    }

    async fn code_action(&self, params: CodeActionParams) -> Result<Option<CodeActionResponse>> {
        let workspace = self.desk.lock();
        Ok(workspace.offers(&params.text_document.uri).map(|offers| actions::at(offers, params.range)))
    }
}
