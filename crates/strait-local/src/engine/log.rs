//! Reads the log of a service's PostgreSQL, from its end.

mod backwards;

use std::collections::VecDeque;
use std::path::PathBuf;

use backwards::Backwards;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use strait_plane::model::{LogCursor, LogEntry, LogPage, LogQuery};

use crate::error::LocalError;

/// How far lines may stand from their place by time: PostgreSQL's processes write each for itself.
const DISORDER: SignedDuration = SignedDuration::from_mins(1);
/// How much one page looks through; what is older is for the next page.
const MOST: usize = 32 * 1024 * 1024;
/// How much of one message is shown.
const LONGEST: usize = 16 * 1024;

/// What begins an entry.
const SEVERITIES: &[&str] = &[
    "LOG", "ERROR", "FATAL", "WARNING", "NOTICE", "INFO", "PANIC", "DEBUG",
];
/// What belongs to the entry before it.
const DETAILS: &[&str] = &[
    "DETAIL",
    "HINT",
    "QUERY",
    "CONTEXT",
    "LOCATION",
    "BACKTRACE",
    "STATEMENT",
];

/// A page of what is in these files, of which the newest comes first. One that is not there is empty.
pub(super) fn page(files: &[PathBuf], query: &LogQuery) -> Result<LogPage, LocalError> {
    let mut search = Search::new(query);
    let newest = search.newest().map(|at| at + DISORDER);
    for path in files {
        let lines = Backwards::open(path, newest).map_err(LocalError::system("read", path))?;
        let Some(mut lines) = lines else {
            continue;
        };
        let mut tail = Tail::default();
        while let Some(line) = lines.next().map_err(LocalError::system("read", path))? {
            match read(&line) {
                Line::Begins(head) => {
                    let size = line.len() + tail.size;
                    let entry = head.with(tail.take());
                    if !search.goes_on_after(entry, size) {
                        return Ok(search.page);
                    }
                }
                Line::Belongs(text) => tail.add(text, line.len()),
            }
        }
    }
    Ok(search.page)
}

/// The lines after the one that begins an entry, which come last first. Only the first ones are shown, and kept.
#[derive(Default)]
struct Tail {
    lines: VecDeque<String>,
    kept: usize,
    /// Of all of them.
    size: usize,
}

impl Tail {
    fn add(&mut self, line: String, size: usize) {
        self.size += size;
        self.kept += line.len();
        self.lines.push_front(line);
        while self.kept > 2 * LONGEST && self.lines.len() > 1 {
            let last = self.lines.pop_back();
            self.kept -= last.map_or(0, |line| line.len());
        }
    }

    fn take(&mut self) -> VecDeque<String> {
        std::mem::take(self).lines
    }
}

/// One page in the making.
struct Search<'a> {
    query: &'a LogQuery,
    words: Vec<String>,
    page: LogPage,
    /// Where the last entry is that is on the page.
    last: Option<LogCursor>,
    /// Where the search is.
    place: Option<LogCursor>,
    looked_through: usize,
}

impl<'a> Search<'a> {
    fn new(query: &'a LogQuery) -> Self {
        Self {
            query,
            words: query
                .search
                .iter()
                .map(|word| word.to_lowercase())
                .collect(),
            page: LogPage::default(),
            last: None,
            place: None,
            looked_through: 0,
        }
    }

    /// Nothing that is younger can be on the page.
    fn newest(&self) -> Option<Timestamp> {
        let before = self.query.cursor.as_ref().map(|cursor| cursor.at);
        before.into_iter().chain(self.query.until).min()
    }

    /// Takes an entry if it is meant. False: the page is done.
    fn goes_on_after(&mut self, entry: LogEntry, size: usize) -> bool {
        let query = self.query;
        let at = entry.timestamp;
        let shown = match self.place {
            Some(place) if place.at == at => place.shown + 1,
            Some(_) | None => 1,
        };
        self.place = Some(LogCursor { at, shown });
        let on_pages_before = (query.cursor.as_ref())
            .is_some_and(|cursor| at > cursor.at || (at == cursor.at && shown <= cursor.shown));
        if on_pages_before || query.until.is_some_and(|until| at >= until) {
            return true;
        }
        if query.since.is_some_and(|since| at < since) {
            return false;
        }
        if self.is_meant(&entry) {
            if self.page.entries.len() >= query.limit {
                self.page.next = self.last;
                return false;
            }
            self.page.entries.push(entry);
            self.last = self.place;
        }
        self.looked_through += size;
        if self.looked_through > MOST {
            self.page.next = self.place;
            return false;
        }
        true
    }

    fn is_meant(&self, entry: &LogEntry) -> bool {
        let severities = &self.query.severities;
        let of_severity = severities.is_empty()
            || severities
                .iter()
                .any(|severity| severity.eq_ignore_ascii_case(&entry.severity));
        if !of_severity {
            return false;
        }
        let message = entry.message.to_lowercase();
        self.words.iter().all(|word| message.contains(word))
    }
}

enum Line {
    Begins(Head),
    Belongs(String),
}

/// The line that begins an entry.
struct Head {
    timestamp: Timestamp,
    severity: &'static str,
    session: Option<String>,
    message: String,
}

impl Head {
    /// With the lines after it.
    fn with(self, tail: VecDeque<String>) -> LogEntry {
        let mut message = self.message;
        for line in tail {
            message.push('\n');
            message.push_str(&line);
        }
        if message.len() > LONGEST {
            let end = (0..=LONGEST)
                .rev()
                .find(|end| message.is_char_boundary(*end));
            message.truncate(end.unwrap_or_default());
            message.push_str(" …");
        }
        LogEntry {
            timestamp: self.timestamp,
            severity: self.severity.to_owned(),
            message,
            session: self.session,
        }
    }
}

/// What a line is, by `log_line_prefix`.
fn read(line: &[u8]) -> Line {
    let line = String::from_utf8_lossy(line);
    let Some((timestamp, rest)) = prefix(&line) else {
        return Line::Belongs(line.trim_start_matches('\t').to_owned());
    };
    let word = |words: &'static [&'static str]| {
        let found = words.iter().filter_map(|word| {
            let (before, message) = rest.split_once(&format!("{word}:  "))?;
            let is_whole = before.is_empty() || before.ends_with(' ');
            is_whole.then_some((*word, before, message))
        });
        found.min_by_key(|(_, before, _)| before.len())
    };
    let length = |found: &Option<(&str, &str, &str)>| {
        found
            .as_ref()
            .map_or(usize::MAX, |(_, before, _)| before.len())
    };
    let (begins, belongs) = (word(SEVERITIES), word(DETAILS));
    if length(&belongs) < length(&begins) {
        let text = belongs.map(|(word, _, message)| format!("{word}: {message}"));
        return Line::Belongs(text.unwrap_or_default());
    }
    let Some((severity, session, message)) = begins else {
        return Line::Belongs(rest.to_owned());
    };
    Line::Begins(Head {
        timestamp,
        severity,
        session: Some(session.trim_end().to_owned()).filter(|session| !session.is_empty()),
        message: message.to_owned(),
    })
}

/// When a line was written, if it says so.
fn time_of(line: &[u8]) -> Option<Timestamp> {
    let line = String::from_utf8_lossy(line);
    prefix(&line).map(|(time, _)| time)
}

/// The time, and what stands behind the process's number.
fn prefix(line: &str) -> Option<(Timestamp, &str)> {
    let (time, rest) = line.split_once(" UTC [")?;
    let time: DateTime = time.parse().ok()?;
    let (process, rest) = rest.split_once("] ")?;
    process.parse::<u32>().ok()?;
    let zoned = time.to_zoned(TimeZone::UTC).ok()?;
    Some((zoned.timestamp(), rest))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const LOG: &str = "\
2026-11-30 05:00:00.100 UTC [10] LOG:  starting PostgreSQL 15
2026-11-30 05:00:00.100 UTC [10] LOG:  listening on IPv4 address \"0.0.0.0\", port 5432
2026-11-30 05:00:00.200 UTC [11] LOG:  database system is ready to accept connections
2026-11-30 05:00:01.000 UTC [12] tsdbadmin@tsdb 10.0.0.1(40000) ERROR:  relation \"LOG:  x\" does not exist at character 15
2026-11-30 05:00:01.000 UTC [12] tsdbadmin@tsdb 10.0.0.1(40000) STATEMENT:  select *
\tfrom nothing
2026-11-30 05:00:02.000 UTC [13] tsdbadmin@tsdb 10.0.0.1(40001) FATAL:  password authentication failed for user \"tsdbadmin\"
2026-11-30 05:00:02.000 UTC [13] tsdbadmin@tsdb 10.0.0.1(40001) DETAIL:  Connection matched line 3
2026-11-30 05:00:03.000 UTC [14] LOG:  half a li";

    #[test]
    fn entries_are_whole_and_the_newest_come_first() {
        let found = Log::of(&[LOG]).page(&LogQuery {
            limit: 100,
            ..LogQuery::default()
        });
        let severities: Vec<&str> = found
            .entries
            .iter()
            .map(|entry| entry.severity.as_str())
            .collect();
        assert_eq!(severities, ["FATAL", "ERROR", "LOG", "LOG", "LOG"]);
        assert_eq!(
            found.entries[1].message,
            "relation \"LOG:  x\" does not exist at character 15\nSTATEMENT: select *\nfrom nothing"
        );
        assert_eq!(
            found.entries[1].session.as_deref(),
            Some("tsdbadmin@tsdb 10.0.0.1(40000)")
        );
        assert_eq!(
            found.entries[1].timestamp.to_string(),
            "2026-11-30T05:00:01Z"
        );
        assert!(
            found.entries[0]
                .message
                .ends_with("DETAIL: Connection matched line 3")
        );
        assert_eq!(found.entries[4].session, None);
        assert_eq!(found.next, None);
    }

    #[test]
    fn pages_follow_each_other_even_if_the_log_grows_and_is_cut_meanwhile() {
        let whole = Log::of(&[LOG]);
        let mut query = LogQuery {
            limit: 2,
            ..LogQuery::default()
        };
        let first = whole.page(&query);
        assert_eq!(first.entries.len(), 2);
        query.cursor = first.next;
        let grown = format!("{LOG}ne\n2026-11-30 05:00:04.000 UTC [15] LOG:  more\n");
        let grown = Log::of(&[
            "2026-11-30 05:00:05.000 UTC [16] LOG:  a new file\n",
            &grown,
        ]);
        let second = grown.page(&query);
        let messages: Vec<&str> = second
            .entries
            .iter()
            .map(|entry| entry.message.as_str())
            .collect();
        assert_eq!(
            messages,
            [
                "database system is ready to accept connections",
                "listening on IPv4 address \"0.0.0.0\", port 5432"
            ]
        );
        query.cursor = second.next;
        let third = grown.page(&query);
        assert_eq!(third.entries.len(), 1);
        assert!(third.entries[0].message.starts_with("starting"));
        assert_eq!(third.next, None);
    }

    #[test]
    fn a_query_says_what_is_meant() {
        let log = Log::of(&[LOG]);
        let all = || LogQuery {
            limit: 100,
            ..LogQuery::default()
        };
        let count = |query: LogQuery| log.page(&query).entries.len();
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        assert_eq!(
            count(LogQuery {
                severities: words(&["error", "FATAL"]),
                ..all()
            }),
            2
        );
        assert_eq!(
            count(LogQuery {
                search: words(&["SELECT", "nothing"]),
                ..all()
            }),
            1
        );
        assert_eq!(
            count(LogQuery {
                search: words(&["select", "password"]),
                ..all()
            }),
            0
        );
        let at = |text: &str| Some(text.parse().expect("a time"));
        assert_eq!(
            count(LogQuery {
                since: at("2026-11-30T05:00:01Z"),
                ..all()
            }),
            2
        );
        assert_eq!(
            count(LogQuery {
                until: at("2026-11-30T05:00:01Z"),
                ..all()
            }),
            3
        );
    }

    #[test]
    fn lines_longer_than_a_block_are_cut_and_break_nothing() {
        let long = "é".repeat(200_000);
        let text = format!(
            "2026-11-30 05:00:00.000 UTC [1] LOG:  one\n2026-11-30 05:00:01.000 UTC [1] LOG:  {long}\n\
             2026-11-30 05:00:02.000 UTC [1] LOG:  three\n"
        );
        let found = Log::of(&[&text]).page(&LogQuery {
            limit: 9,
            ..LogQuery::default()
        });
        let messages: Vec<&str> = found
            .entries
            .iter()
            .map(|entry| entry.message.as_str())
            .collect();
        assert_eq!((messages[0], messages[2]), ("three", "one"));
        assert!(messages[1].starts_with('é') && messages[1].ends_with(" …"));
        assert!(messages[1].len() < LONGEST + 10);
    }

    #[test]
    fn an_entry_of_very_many_lines_is_cut_and_its_beginning_shown() {
        let lines = "\tand more\n".repeat(400_000);
        let text = format!("2026-11-30 05:00:00.000 UTC [1] LOG:  first\n\tsecond\n{lines}");
        let found = Log::of(&[&text]).page(&LogQuery {
            limit: 9,
            ..LogQuery::default()
        });
        let message = &found.entries[0].message;
        assert!(message.starts_with("first\nsecond\nand more"), "{message}");
        assert!(message.len() < LONGEST + 10, "{}", message.len());
        let mut tail = Tail::default();
        for _ in 0..100_000 {
            tail.add("and more".to_owned(), 9);
        }
        assert!(tail.kept <= 2 * LONGEST + 8, "{}", tail.kept);
        assert_eq!(tail.size, 900_000);
    }

    #[test]
    fn a_page_looks_through_so_much_of_what_is_not_meant_and_the_next_one_goes_on() {
        let entry = |second: usize| {
            let (minute, second) = (second / 60, second % 60);
            let long = "x".repeat(LONGEST);
            format!("2026-11-30 05:{minute:02}:{second:02}.000 UTC [1] LOG:  a\n\t{long}\n")
        };
        let entries: String = (0..3 * MOST / LONGEST / 2)
            .map(|number| entry(number % 3600))
            .collect();
        let text = format!("2026-11-30 04:00:00.000 UTC [1] LOG:  wanted\n{entries}");
        let log = Log::of(&[&text]);
        let mut query = LogQuery {
            limit: 9,
            search: vec!["wanted".to_owned()],
            ..LogQuery::default()
        };
        let first = log.page(&query);
        assert_eq!(first.entries, [], "it is further away than one page looks");
        query.cursor = first.next;
        let second = log.page(&query);
        assert_eq!(second.entries.len(), 1, "{:?}", second.next);
    }

    #[test]
    fn no_file_is_an_empty_log() {
        let files = [PathBuf::from("/nonexistent/log")];
        let found = page(
            &files,
            &LogQuery {
                limit: 1,
                ..LogQuery::default()
            },
        )
        .expect("a page");
        assert_eq!(found, LogPage::default());
    }

    /// Files, the newest first.
    struct Log {
        _folder: tempfile::TempDir,
        files: Vec<PathBuf>,
    }

    impl Log {
        fn of(texts: &[&str]) -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            let mut files = Vec::new();
            for (index, text) in texts.iter().enumerate() {
                let path = folder.path().join(format!("log{index}"));
                fs::write(&path, text).expect("a log");
                files.push(path);
            }
            Self {
                _folder: folder,
                files,
            }
        }

        fn page(&self, query: &LogQuery) -> LogPage {
            page(&self.files, query).expect("a page")
        }
    }
}
