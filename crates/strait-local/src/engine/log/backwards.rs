//! A file's lines, the last one first.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use jiff::Timestamp;

use super::{LONGEST, time_of};

/// How much is read at a time.
const BLOCK: u64 = 64 * 1024;

/// A file's lines, the last one first. What is written behind it meanwhile is not seen.
pub(super) struct Backwards {
    file: File,
    /// Everything from here on has been read.
    start: u64,
    /// What was read and not given yet.
    rest: Vec<u8>,
}

impl Backwards {
    /// Those of a file; none if it is not there. Lines that are younger than this may be left out.
    pub(super) fn open(path: &Path, newest: Option<Timestamp>) -> io::Result<Option<Self>> {
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let end = file.seek(SeekFrom::End(0))?;
        let start = match newest {
            Some(newest) => end_of(&mut file, end, newest)?,
            None => end,
        };
        let mut lines = Self {
            file,
            start,
            rest: Vec::new(),
        };
        lines.more()?;
        // The last line's end; a line that is just being written has none and is for the next time.
        match lines.rest.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => lines.rest.truncate(end),
            None => lines.rest.clear(),
        }
        Ok(Some(lines))
    }

    pub(super) fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            if let Some(end) = self.rest.iter().rposition(|byte| *byte == b'\n') {
                let line = self.rest.split_off(end + 1);
                self.rest.truncate(end);
                return Ok(Some(line));
            }
            if self.start == 0 {
                let line = std::mem::take(&mut self.rest);
                return Ok((!line.is_empty()).then_some(line));
            }
            // Only the beginning of a line so long is shown, which comes last.
            self.rest.truncate(2 * LONGEST);
            self.more()?;
        }
    }

    fn more(&mut self) -> io::Result<()> {
        let from = self.start.saturating_sub(BLOCK);
        let mut block = Vec::new();
        self.file.seek(SeekFrom::Start(from))?;
        (&mut self.file)
            .take(self.start - from)
            .read_to_end(&mut block)?;
        block.append(&mut self.rest);
        self.rest = block;
        self.start = from;
        Ok(())
    }
}

/// Where lines of after this time begin, or a little later: found by halving, because they stand in the order of their times.
fn end_of(file: &mut File, length: u64, newest: Timestamp) -> io::Result<u64> {
    let (mut low, mut high, mut end) = (0, length, length);
    while high - low > BLOCK {
        let middle = low + (high - low) / 2;
        match first_dated(file, middle, high)? {
            Some((start, time)) if time > newest => (high, end) = (middle, start),
            Some((start, _)) => low = start,
            // In the midst of one long entry.
            None => high = middle,
        }
    }
    Ok(end)
}

/// The first line that begins here or soon after and says when it was written.
fn first_dated(file: &mut File, from: u64, to: u64) -> io::Result<Option<(u64, Timestamp)>> {
    // The byte before tells whether a line begins just here.
    let mut place = from.saturating_sub(1);
    file.seek(SeekFrom::Start(place))?;
    let mut lines = BufReader::new(file.take((to - place).min(BLOCK)));
    let mut line = Vec::new();
    place += lines.read_until(b'\n', &mut line)? as u64;
    loop {
        line.clear();
        let size = lines.read_until(b'\n', &mut line)? as u64;
        if size == 0 {
            return Ok(None);
        }
        if let Some(time) = time_of(&line) {
            return Ok(Some((place, time)));
        }
        place += size;
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_is_younger_is_left_out_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log");
        // Of very different lengths, with lines that say no time, some longer than a block.
        let line = |second: usize| {
            let more = "\t-\n".repeat(second % 7 * 1000);
            let clock = format!("{:02}:{:02}", second / 60, second % 60);
            let long = "x".repeat(second % 5 * 20_000);
            format!("2026-11-30 05:{clock}.000 UTC [1] LOG:  {second} {long}\n{more}")
        };
        let text: String = (0..300).map(line).collect();
        fs::write(&path, &text).expect("a log");
        let heads = |newest: Option<Timestamp>| {
            let mut lines = Backwards::open(&path, newest)
                .expect("it opens")
                .expect("it is there");
            let mut heads = Vec::new();
            while let Some(line) = lines.next().expect("a line") {
                heads.extend(time_of(&line));
            }
            heads.reverse();
            heads
        };
        let all = heads(None);
        assert_eq!(all.len(), 300);
        for newest in [0, 1, 17, 150, 298, 299] {
            let left = heads(Some(all[newest]));
            assert!(left.len() > newest, "{newest}: {} are left", left.len());
            assert_eq!(left, all[..left.len()], "{newest}");
            assert!(left.len() < newest + 5, "{newest}: {} are left", left.len());
        }
    }
}
