//! Takes steps out of a script while it still goes wrong.

use crate::script::{Step, What};

/// The smallest script found that still goes wrong, in at most this many plays.
pub(crate) fn shrink(
    mut script: Vec<Step>,
    mut plays: usize,
    wrong: impl Fn(&[Step]) -> bool,
) -> Vec<Step> {
    let mut size = script.len() / 2;
    while size > 0 {
        let mut place = 0;
        while place < script.len() && plays > 0 {
            let end = (place + size).min(script.len());
            let without: Vec<Step> = script[..place]
                .iter()
                .chain(&script[end..])
                .cloned()
                .collect();
            // Without a moment at which it is tried nothing can go wrong.
            let tried = without.iter().any(|step| matches!(step.what, What::Probe));
            plays -= 1;
            if tried && wrong(&without) {
                script = without;
            } else {
                place = end;
            }
        }
        size /= 2;
    }
    script
}
