//! Rows of text with colours, cut to the width of a terminal.

use flextraff_common::wire::{Aspect, Estimate};

/// How a piece of text looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Style {
    #[default]
    Normal,
    Bold,
    Faint,
    Green,
    Amber,
    Red,
}

impl Style {
    const fn code(self) -> &'static str {
        match self {
            Self::Normal => "",
            Self::Bold => "\x1b[1m",
            Self::Faint => "\x1b[2m",
            Self::Green => "\x1b[32m",
            Self::Amber => "\x1b[33m",
            Self::Red => "\x1b[31m",
        }
    }
}

/// A line of text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Row(Vec<(Style, String)>);

impl Row {
    /// A row of one piece.
    pub(super) fn of(text: &str) -> Self {
        let mut row = Self::default();
        row.add(Style::Normal, text);
        row
    }

    /// Adds a piece. Characters that a terminal would obey are not let through: names and reasons come from elsewhere.
    pub(super) fn add(&mut self, style: Style, text: &str) -> &mut Self {
        let text = text.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
        self.0.push((style, text));
        self
    }

    /// Adds a piece that takes at least so many places, and a space.
    pub(super) fn add_cell(&mut self, style: Style, text: &str, width: usize) -> &mut Self {
        self.add(style, &format!("{text:width$} "))
    }

    /// Without colours.
    pub(super) fn plain(&self) -> String {
        let text: String = self.0.iter().map(|(_, text)| text.as_str()).collect();
        text.trim_end().to_owned()
    }

    /// With colours, at most `width` characters wide.
    pub(super) fn coloured(&self, width: usize) -> String {
        let (mut line, mut left) = (String::new(), width);
        for (style, text) in &self.0 {
            let shown: String = text.chars().take(left).collect();
            left -= shown.chars().count();
            let code = style.code();
            line += code;
            line += &shown;
            if !code.is_empty() {
                line += "\x1b[0m";
            }
        }
        line
    }
}

/// How an aspect is called and looks.
pub(super) const fn aspect(aspect: Aspect) -> (&'static str, Style) {
    match aspect {
        Aspect::Green => ("green", Style::Green),
        Aspect::Amber => ("amber", Style::Amber),
        Aspect::Red => ("red", Style::Red),
        Aspect::RedAmber => ("red_amber", Style::Amber),
        Aspect::FlashRed => ("flash_red", Style::Red),
        Aspect::FlashAmber => ("flash_amber", Style::Amber),
        Aspect::Dark => ("dark", Style::Faint),
    }
}

/// A number with its confidence and its age, such as `1.95 83% 4s`; one that was never observed is a guess.
pub(super) fn estimate(known: Option<Estimate>, decimals: usize) -> String {
    known.map_or_else(
        || "-".to_owned(),
        |known| {
            let number = format!("{:.decimals$}", known.value);
            match known.age_s {
                None if known.confidence == 0.0 => format!("{number} guess"),
                age => format!("{number} {:.0}% {}", known.confidence * 100.0, age_in_words(age)),
            }
        },
    )
}

/// A share in per cent, as [`estimate`].
pub(super) fn share(known: Option<Estimate>) -> String {
    estimate(known.map(|known| Estimate { value: known.value * 100.0, ..known }), 0)
}

/// `14s`, `14m`, `14h` or `14d`.
pub(super) fn age_in_words(age_s: Option<u32>) -> String {
    match age_s {
        None => "-".to_owned(),
        Some(s @ 0..100) => format!("{s}s"),
        Some(s @ 100..6000) => format!("{}m", s / 60),
        Some(s @ 6000..360_000) => format!("{}h", s / 3600),
        Some(s) => format!("{}d", s / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_cut_and_what_a_terminal_would_obey_is_taken_out() {
        let mut row = Row::default();
        row.add_cell(Style::Bold, "N", 3).add(Style::Green, "gre\x1b[2Jen");
        assert_eq!(row.plain(), "N   gre?[2Jen");
        assert_eq!(row.coloured(6), "\x1b[1mN   \x1b[0m\x1b[32mgr\x1b[0m");
        assert_eq!(Row::of("Straße").coloured(5), "Straß");
    }

    #[test]
    fn an_estimate_says_how_old_and_how_sure_it_is() {
        let known = |age_s, confidence| Some(Estimate { value: 1.949, age_s, confidence });
        assert_eq!(estimate(known(None, 0.0), 2), "1.95 guess");
        assert_eq!(estimate(known(Some(4), 0.83), 2), "1.95 83% 4s");
        assert_eq!(estimate(known(None, 0.5), 1), "1.9 50% -");
        assert_eq!(estimate(None, 1), "-");
        assert_eq!(share(Some(Estimate { value: 0.96, age_s: Some(7200), confidence: 1.0 })), "96 100% 2h");
        assert_eq!(
            [99, 100, 5999, 6000, 400_000].map(|s| age_in_words(Some(s))),
            ["99s", "1m", "99m", "1h", "4d"]
        );
    }
}
