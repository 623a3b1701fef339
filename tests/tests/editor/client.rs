//! A scripted client: sends what it is told, keeps what it hears.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// How long an answer may take before the test fails; far beyond what any takes.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Client {
    server: Child,
    input: Option<ChildStdin>,
    heard: Receiver<Value>,
    kept: Vec<Value>,
    next_id: i64,
}

impl Client {
    /// A server that has been asked nothing yet.
    pub(crate) fn new() -> Client {
        let mut command = Command::new(weft_tests::binary::weft());
        command.arg("lsp").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut server = command.spawn().expect("weft is built");
        let (input, output) = (server.stdin.take(), server.stdout.take().expect("it is a pipe"));
        let (hear, heard) = channel();
        std::thread::spawn(move || {
            let mut output = BufReader::new(output);
            while let Some(message) = read(&mut output) {
                if hear.send(message).is_err() {
                    return;
                }
            }
        });
        Client { server, input, heard, kept: Vec::new(), next_id: 0 }
    }

    /// A server that is ready, for a client with these capabilities.
    pub(crate) fn ready(capabilities: Value) -> Client {
        let mut client = Client::new();
        let said = json!({ "processId": std::process::id(), "rootUri": null, "capabilities": capabilities });
        let answer = client.ask("initialize", said);
        assert!(answer["capabilities"]["hoverProvider"] == json!(true), "{answer}");
        client.tell("initialized", json!({}));
        client
    }

    /// Sends a message as it is.
    pub(crate) fn send(&mut self, message: &Value) {
        let body = message.to_string();
        let input = self.input.as_mut().expect("the input is open");
        write!(input, "Content-Length: {}\r\n\r\n{body}", body.len()).expect("the server reads");
        input.flush().expect("the server reads");
    }

    pub(crate) fn tell(&mut self, method: &str, params: Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    /// Asks and does not wait; the id of the request.
    pub(crate) fn begin(&mut self, method: &str, params: Value) -> i64 {
        self.next_id += 1;
        self.send(&json!({ "jsonrpc": "2.0", "id": self.next_id, "method": method, "params": params }));
        self.next_id
    }

    /// The answer to a request, whatever comes before it; an error as it is.
    pub(crate) fn answer(&mut self, id: i64) -> Value {
        self.wait_for("an answer", |message| message["id"] == json!(id) && message.get("method").is_none())
    }

    /// Asks and waits for the result.
    pub(crate) fn ask(&mut self, method: &str, params: Value) -> Value {
        let id = self.begin(method, params);
        let mut answer = self.answer(id);
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].take()
    }

    /// The diagnostics of a version of a document.
    pub(crate) fn diagnostics(&mut self, uri: &str, version: i64) -> Vec<Value> {
        let message = self.wait_for("diagnostics", |message| {
            let params = &message["params"];
            message["method"] == "textDocument/publishDiagnostics"
                && params["uri"] == uri
                && params["version"] == json!(version)
        });
        message["params"]["diagnostics"].as_array().cloned().unwrap_or_default()
    }

    /// The diagnostics of a file that is not open.
    pub(crate) fn closed_diagnostics(&mut self, uri: &str) -> Vec<Value> {
        let message = self.wait_for("diagnostics", |message| {
            let params = &message["params"];
            message["method"] == "textDocument/publishDiagnostics"
                && params["uri"] == uri
                && params["version"].is_null()
        });
        message["params"]["diagnostics"].as_array().cloned().unwrap_or_default()
    }

    /// The next message, if one comes before a moment.
    pub(crate) fn heard_until(&mut self, until: Instant) -> Option<Value> {
        if !self.kept.is_empty() {
            return Some(self.kept.remove(0));
        }
        self.heard.recv_timeout(until.saturating_duration_since(Instant::now())).ok()
    }

    /// Memory of the server that is not swapped out, in bytes.
    pub(crate) fn resident_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.server.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) << 10
    }

    fn wait_for(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.kept.iter().position(&wanted) {
            return self.kept.remove(at);
        }
        let until = Instant::now() + PATIENCE;
        loop {
            match self.heard.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(message) if wanted(&message) => return message,
                Ok(message) => self.kept.push(message),
                Err(RecvTimeoutError::Timeout) => panic!("{what} did not come; heard {:?}", self.kept),
                Err(RecvTimeoutError::Disconnected) => panic!("the server is gone; heard {:?}", self.kept),
            }
        }
    }

    /// Ends the input without a word, and waits for the process.
    pub(crate) fn hang_up(mut self) -> ExitStatus {
        drop(self.input.take());
        self.ended()
    }

    /// Waits for the process to end by itself.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            if let Some(status) = self.server.try_wait().expect("it is a child of this process") {
                return status;
            }
            std::thread::yield_now();
        }
        panic!("the server did not end");
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn read(output: &mut impl BufRead) -> Option<Value> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if output.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim().split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.trim().parse().ok()?,
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    output.read_exact(&mut body).ok()?;
    serde_json::from_slice(&body).ok()
}

/// A document of the client.
pub(crate) struct Document {
    pub(crate) uri: String,
    pub(crate) text: String,
    pub(crate) version: i64,
}

impl Document {
    /// Opens a file with its own text.
    pub(crate) fn open(client: &mut Client, path: &Path) -> Document {
        let text = std::fs::read_to_string(path).expect("the file is there");
        Document::open_as(client, path, text)
    }

    /// Opens a file with another text than it has.
    pub(crate) fn open_as(client: &mut Client, path: &Path, text: String) -> Document {
        let uri = format!("file://{}", path.display());
        let item = json!({ "uri": uri, "languageId": "wf", "version": 1, "text": text });
        client.tell("textDocument/didOpen", json!({ "textDocument": item }));
        Document { uri, text, version: 1 }
    }

    /// Where the n-th piece of text is, from 0, and so many bytes behind its beginning. For ASCII texts.
    pub(crate) fn at(&self, piece: &str, n: usize, behind: usize) -> Value {
        let (start, _) =
            self.text.match_indices(piece).nth(n).unwrap_or_else(|| panic!("{piece} {n} in {}", self.text));
        self.position(start + behind)
    }

    pub(crate) fn position(&self, offset: usize) -> Value {
        let before = &self.text[..offset];
        let line = before.matches('\n').count();
        json!({ "line": line, "character": offset - before.rfind('\n').map_or(0, |at| at + 1) })
    }

    /// Replaces bytes.
    pub(crate) fn edit(&mut self, client: &mut Client, bytes: std::ops::Range<usize>, new: &str) {
        let range = json!({ "start": self.position(bytes.start), "end": self.position(bytes.end) });
        self.text.replace_range(bytes, new);
        self.version += 1;
        let changes = json!([{ "range": range, "text": new }]);
        let document = json!({ "uri": self.uri, "version": self.version });
        client.tell("textDocument/didChange", json!({ "textDocument": document, "contentChanges": changes }));
    }

    /// The parameters of a question about a place.
    pub(crate) fn place(&self, position: Value) -> Value {
        json!({ "textDocument": { "uri": self.uri }, "position": position })
    }
}

/// A file of the repository.
pub(crate) fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path).canonicalize().expect("the file is there")
}
