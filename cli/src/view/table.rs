//! A table whose columns are as wide as their widest cell.

use anstyle::Style;
use unicode_width::UnicodeWidthStr;

use crate::view::safe::safe_line;

/// Columns, a heading and rows.
pub(crate) struct Table {
    heading: Vec<String>,
    rows: Vec<(Vec<String>, Option<Colored>)>,
}

/// Which cell of a row has a color.
type Colored = (usize, Style);

impl Table {
    /// A table with its heading.
    pub(crate) fn new(heading: &[&str]) -> Table {
        Table { heading: heading.iter().map(|h| (*h).to_owned()).collect(), rows: Vec::new() }
    }

    /// Adds a row; one of its cells may have a color.
    pub(crate) fn row(&mut self, cells: Vec<String>, color: Option<Colored>) {
        self.rows.push((cells.iter().map(|cell| safe_line(cell).into_owned()).collect(), color));
    }

    /// The text, a line a row.
    pub(crate) fn print(&self, color: bool) -> String {
        let mut widths: Vec<usize> = self.heading.iter().map(|h| h.width()).collect();
        for (cells, _) in &self.rows {
            for (width, cell) in widths.iter_mut().zip(cells) {
                *width = (*width).max(cell.width());
            }
        }
        let mut text = String::new();
        line(&mut text, &self.heading, &widths, None);
        for (cells, style) in &self.rows {
            line(&mut text, cells, &widths, style.filter(|_| color));
        }
        text
    }
}

fn line(text: &mut String, cells: &[String], widths: &[usize], style: Option<Colored>) {
    for (i, (cell, width)) in cells.iter().zip(widths).enumerate() {
        match style {
            Some((colored, style)) if colored == i => text.push_str(&format!("{style}{cell}{style:#}")),
            _ => text.push_str(cell),
        }
        if i + 1 < cells.len() {
            text.push_str(&" ".repeat(width - cell.width() + 2));
        }
    }
    text.truncate(text.trim_end_matches(' ').len());
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let mut table = Table::new(&["ID", "STATUS"]);
        table.row(vec!["größer".into(), "Running".into()], None);
        table.row(vec!["x".into(), String::new()], None);
        assert_eq!(table.print(false), "ID      STATUS\ngrößer  Running\nx\n");
    }
}
