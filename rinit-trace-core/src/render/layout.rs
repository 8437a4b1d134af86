//! Columns and colour.

use anstyle::{AnsiColor, Style};

/// The palette. Few colours, all of the basic sixteen, so that the user's theme decides.
pub(super) const PLAIN: Style = Style::new();
pub(super) const STRONG: Style = Style::new().bold();
pub(super) const DIM: Style = Style::new().dimmed();
pub(super) const GOOD: Style = AnsiColor::Green.on_default();
pub(super) const WARN: Style = AnsiColor::Yellow.on_default();
pub(super) const BAD: Style = AnsiColor::Red.on_default();

/// Applies styles, or does not.
#[derive(Clone, Copy)]
pub(super) struct Paint {
    color: bool,
}

impl Paint {
    pub(super) fn new(color: bool) -> Self {
        Self { color }
    }

    pub(super) fn apply(self, style: Style, text: &str) -> String {
        if self.color && !text.is_empty() && style != PLAIN {
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }
}

/// One field of a row. Its text is escaped already.
pub(super) struct Cell {
    text: String,
    style: Style,
    right: bool,
}

impl Cell {
    pub(super) fn new(style: Style, text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            style,
            right: false,
        }
    }

    pub(super) fn right(style: Style, text: impl Into<String>) -> Self {
        Self {
            right: true,
            ..Self::new(style, text)
        }
    }

    fn width(&self) -> usize {
        self.text.chars().count()
    }
}

/// A line of a table.
pub(super) enum Row {
    /// Fields, in columns.
    Cells(Vec<Cell>),
    /// A remark across all columns.
    Note(String),
}

/// Appends the rows, indented, columns aligned, without trailing spaces.
pub(super) fn table(out: &mut String, paint: Paint, rows: &[Row]) {
    const INDENT: &str = "    ";
    const GAP: &str = "  ";
    let widths = widths(rows);
    for row in rows {
        out.push_str(INDENT);
        match row {
            Row::Note(text) => out.push_str(&paint.apply(DIM, text)),
            Row::Cells(cells) => {
                let used = cells.iter().rposition(|cell| !cell.text.is_empty());
                let used = used.map_or(0, |last| last + 1);
                for (index, (cell, width)) in cells.iter().zip(&widths).take(used).enumerate() {
                    let space = " ".repeat(width.saturating_sub(cell.width()));
                    let text = paint.apply(cell.style, &cell.text);
                    if cell.right {
                        out.push_str(&space);
                    }
                    out.push_str(&text);
                    if index + 1 < used {
                        if !cell.right {
                            out.push_str(&space);
                        }
                        out.push_str(GAP);
                    }
                }
            }
        }
        out.push('\n');
    }
}

fn widths(rows: &[Row]) -> Vec<usize> {
    let mut widths = Vec::new();
    for row in rows {
        if let Row::Cells(cells) = row {
            widths.resize(widths.len().max(cells.len()), 0);
            for (width, cell) in widths.iter_mut().zip(cells) {
                *width = cell.width().max(*width);
            }
        }
    }
    widths
}
