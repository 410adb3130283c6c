//! Plays a script on the model and the kernel at once.

use std::path::Path;

use strait_kernel::Kernel;
use strait_vpc::picture::{Picture, Redrawn, redraw};
use strait_vpc::{Network, picture};

use crate::compare::{Disagreement, Ports, Tally, compare};
use crate::dice::Dice;
use crate::script::{Step, What};
use crate::world::{Outcome, World};

/// Something that a test does to each picture before the kernel gets it.
pub(crate) type Spoil<'s> = &'s dyn Fn(&mut Picture);

/// What came of a script.
#[derive(Default)]
pub(crate) struct Played {
    pub(crate) tally: Tally,
    pub(crate) calls: usize,
    pub(crate) refused: usize,
    /// Where the kernel, or the model against it, was wrong first: the step and what differs there.
    pub(crate) wrong: Option<Wrong>,
}

/// A moment at which the model and the kernel disagree.
pub(crate) struct Wrong {
    pub(crate) step: usize,
    pub(crate) what: String,
}

/// Plays a script from an empty network on. Ends at the first moment with disagreements.
pub(crate) fn play(run_dir: &Path, seed: u64, script: &[Step], spoil: Spoil<'_>) -> Played {
    let mut kernel = Kernel::open(run_dir).expect("the kernel");
    kernel.apply(&Picture::default()).expect("an empty network");
    let mut world = World::new(seed);
    let mut ports = Ports::default();
    let mut played = Played::default();
    let mut probed = false;
    let mut given = Picture::default();
    // Drawn by differences alone, as the server does.
    let mut drawn = picture(&world.network);
    // What the kernel was not told yet, and whether it must look at everything, as a server that adopts does.
    let mut pending = Redrawn::default();
    let mut whole = true;
    // As a server that is there from the beginning, or one that finds the network built.
    let call_by_call = Dice::new(seed, u64::MAX).chance(25);
    for step in script {
        let before = world.network.clone();
        let changed = match &step.what {
            What::Call { .. } | What::Wait { .. } | What::Checks => match world.run(step) {
                Outcome::Done => {
                    played.calls += 1;
                    true
                }
                Outcome::Refused => {
                    played.refused += 1;
                    false
                }
                Outcome::Senseless => false,
            },
            What::Adopt => {
                kernel = Kernel::open(run_dir).expect("the kernel");
                whole = true;
                true
            }
            What::Probe => !probed,
        };
        let part = redraw(&before, &world.network);
        pending.routers.extend(part.routers.clone());
        pending.hosts.extend(part.hosts.clone());
        pending.wires.extend(part.wires.clone());
        part.apply_to(&mut drawn);
        forget_changes(&mut world.network);
        if changed && (probed || call_by_call || matches!(step.what, What::Probe)) {
            if drawn != picture(&world.network) {
                played.wrong = Some(Wrong {
                    step: step.number,
                    what: "  the picture drawn by differences is not the whole one\n".to_owned(),
                });
                return played;
            }
            given = drawn.clone();
            spoil(&mut given);
            let part = std::mem::take(&mut pending);
            let spoiled = given != drawn;
            let made = if whole || spoiled {
                kernel.apply(&given)
            } else {
                kernel.change(part)
            };
            whole = spoiled;
            if let Err(error) = made {
                played.wrong = Some(Wrong {
                    step: step.number,
                    what: format!("  the kernel refuses the picture: {error}\n"),
                });
                return played;
            }
        }
        if matches!(step.what, What::Probe) {
            probed = true;
            let mut dice = Dice::new(seed, 1_000_000 + step.number as u64);
            let (tally, found) = compare(&kernel, &world.network, &given, &mut ports, &mut dice);
            played.tally.add(tally);
            if !found.is_empty() {
                played.wrong = Some(Wrong {
                    step: step.number,
                    what: shown(&found),
                });
                return played;
            }
        }
    }
    played
}

/// What the store does once it has written them.
fn forget_changes(network: &mut Network) {
    macro_rules! forget {
        ($($table:ident)*) => {$(network.$table.take_changed();)*};
    }
    forget!(accounts vpcs subnets route_tables internet_gateways security_groups network_acls interfaces elastic_ips
        instances peerings prefix_lists endpoint_services endpoints load_balancers target_groups listeners sessions
        client_tokens counters quotas);
}

fn shown(found: &[Disagreement]) -> String {
    let first: String = found.iter().take(3).map(ToString::to_string).collect();
    match found.len() {
        0..=3 => first,
        more => format!("{first}  and {} more\n", more - 3),
    }
}
