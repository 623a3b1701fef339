//! A block of lines at the bottom of the terminal that is redrawn in place, under lines that stay. One write a frame, so
//! that nothing flickers; the terminal is as it was when this is dropped, however the command ends.

use std::io::Write;

use unicode_width::UnicodeWidthChar;

const HIDE_CURSOR: &str = "\x1b[?25l";
const SHOW_CURSOR: &str = "\x1b[?25h";
const BEGIN_FRAME: &str = "\x1b[?2026h";
const END_FRAME: &str = "\x1b[?2026l";

/// The block.
pub(crate) struct Live {
    height: usize,
    shown: Vec<String>,
}

impl Live {
    /// An empty block; hides the cursor.
    pub(crate) fn new() -> Live {
        write(HIDE_CURSOR);
        Live { height: 0, shown: Vec::new() }
    }

    /// Writes lines that stay above the block, and the block anew.
    pub(crate) fn frame(&mut self, above: &[String], block: Vec<String>) {
        let (width, height) = terminal_size::terminal_size().map_or((80, 24), |(w, h)| (w.0.into(), h.0.into()));
        let block = fit(block, width, height);
        if above.is_empty() && block == self.shown {
            return;
        }
        write(&frame(self.height, above, &block));
        self.height = block.len();
        self.shown = block;
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        write(&format!("{}{SHOW_CURSOR}", frame(self.height, &[], &[])));
    }
}

/// The bytes of a frame: back to the top of the block, what stays, the block, and nothing below it.
fn frame(height: usize, above: &[String], block: &[String]) -> String {
    let mut text = String::from(BEGIN_FRAME);
    text.push('\r');
    if height > 0 {
        text.push_str(&format!("\x1b[{height}A"));
    }
    for line in above.iter().flat_map(|l| l.split('\n')).chain(block.iter().map(String::as_str)) {
        text.push_str(line);
        text.push_str("\x1b[K\r\n");
    }
    text.push_str("\x1b[J");
    text.push_str(END_FRAME);
    text
}

/// As many lines as there is room for, none longer than the terminal is wide.
fn fit(mut block: Vec<String>, width: usize, height: usize) -> Vec<String> {
    let room = height.saturating_sub(2).max(1);
    if block.len() > room {
        let more = block.len() - room + 1;
        block.truncate(room - 1);
        block.push(format!("  … and {more} more"));
    }
    block.into_iter().map(|line| cut(&line, width.saturating_sub(1))).collect()
}

/// Cuts a line to a width; escape sequences have none, and color ends with the line.
fn cut(line: &str, width: usize) -> String {
    let (mut text, mut used, mut escape) = (String::new(), 0, false);
    for c in line.chars() {
        if escape || c == '\x1b' {
            escape = !(escape && c.is_ascii_alphabetic());
            text.push(c);
            continue;
        }
        let c = if c.is_control() { ' ' } else { c };
        used += c.width().unwrap_or(0);
        if used > width {
            break;
        }
        text.push(c);
    }
    if line.contains('\x1b') {
        text.push_str("\x1b[0m");
    }
    text
}

fn write(text: &str) {
    let mut err = std::io::stderr().lock();
    let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_by_what_is_seen() {
        assert_eq!(cut("abcdef", 3), "abc");
        assert_eq!(cut("\x1b[1mabcdef\x1b[0m", 3), "\x1b[1mabc\x1b[0m");
        assert_eq!(cut("日本語", 4), "日本");
    }

    #[test]
    fn a_block_fits_the_terminal() {
        let lines: Vec<String> = (0..10).map(|n| n.to_string()).collect();
        assert_eq!(fit(lines, 80, 5), ["0", "1", "  … and 8 more"]);
    }

    #[test]
    fn a_frame_goes_over_the_one_before() {
        let text = frame(2, &["stays".into()], &["block".into()]);
        assert_eq!(text, "\x1b[?2026h\r\x1b[2Astays\x1b[K\r\nblock\x1b[K\r\n\x1b[J\x1b[?2026l");
    }
}
