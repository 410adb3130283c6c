//! Unites overlapping boxes into disjoint ones: interval sets of the kernel refuse overlaps, depending on their order.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use super::{IcmpBox, PortBox};

/// A box with three axes, each a range of whole numbers with both ends in it.
pub trait Cuboid: Copy + Ord {
    /// The ranges, the axis that is cut first at the front: fewest cuts first keeps the pieces few.
    fn ranges(&self) -> [Range; 3];

    /// The box with these ranges; they lie within those of boxes of this kind.
    fn from_ranges(ranges: [Range; 3]) -> Self;
}

/// The first and the last number of an axis.
type Range = (u32, u32);

/// The boxes that cover exactly the same packets as these, pairwise disjoint.
///
/// The answer depends only on which packets are covered, not on how the boxes were written or ordered.
pub fn disjoint<B: Cuboid>(boxes: impl IntoIterator<Item = B>) -> BTreeSet<B> {
    subtract(boxes, [])
}

/// The boxes that cover exactly the packets of `from` that are in none of `without`, pairwise disjoint.
pub fn subtract<B: Cuboid>(
    from: impl IntoIterator<Item = B>,
    without: impl IntoIterator<Item = B>,
) -> BTreeSet<B> {
    let add = from.into_iter().map(|piece| Piece::new(&piece, true));
    let take = without.into_iter().map(|piece| Piece::new(&piece, false));
    let pieces: Vec<Piece> = add.chain(take).collect();
    let area = cut(&pieces.iter().collect::<Vec<_>>(), 0);
    let mut boxes = BTreeSet::new();
    area.collect_boxes(&mut Vec::new(), &mut boxes);
    boxes
}

impl Cuboid for PortBox {
    fn ranges(&self) -> [Range; 3] {
        let protocols = (self.protocols.0.into(), self.protocols.1.into());
        let ports = (self.ports.0.into(), self.ports.1.into());
        [protocols, ports, address_range(self.addresses)]
    }

    fn from_ranges([protocols, ports, addresses]: [Range; 3]) -> Self {
        Self {
            addresses: addresses_of(addresses),
            protocols: (protocols.0 as u8, protocols.1 as u8),
            ports: (ports.0 as u16, ports.1 as u16),
        }
    }
}

impl Cuboid for IcmpBox {
    fn ranges(&self) -> [Range; 3] {
        let types = (self.types.0.into(), self.types.1.into());
        let codes = (self.codes.0.into(), self.codes.1.into());
        [types, codes, address_range(self.addresses)]
    }

    fn from_ranges([types, codes, addresses]: [Range; 3]) -> Self {
        Self {
            addresses: addresses_of(addresses),
            types: (types.0 as u8, types.1 as u8),
            codes: (codes.0 as u8, codes.1 as u8),
        }
    }
}

fn address_range((first, last): (Ipv4Addr, Ipv4Addr)) -> Range {
    (first.into(), last.into())
}

fn addresses_of((first, last): Range) -> (Ipv4Addr, Ipv4Addr) {
    (first.into(), last.into())
}

/// A box to add to the area or to take from it.
struct Piece {
    ranges: [Range; 3],
    add: bool,
}

impl Piece {
    fn new<B: Cuboid>(from: &B, add: bool) -> Self {
        Self {
            ranges: from.ranges(),
            add,
        }
    }
}

/// What is covered from one axis on.
#[derive(PartialEq, Eq)]
enum Area {
    /// Nothing, or past the last axis: everything.
    Whole(bool),
    /// Slabs along the axis, sorted, with a gap or different areas between neighbours.
    Slabs(Vec<(Range, Self)>),
}

impl Area {
    fn is_empty(&self) -> bool {
        match self {
            Self::Whole(covered) => !covered,
            Self::Slabs(slabs) => slabs.is_empty(),
        }
    }

    fn collect_boxes<B: Cuboid>(&self, outer: &mut Vec<Range>, boxes: &mut BTreeSet<B>) {
        match self {
            Self::Whole(false) => {}
            Self::Whole(true) => {
                if let [first, second, third] = outer[..] {
                    boxes.insert(B::from_ranges([first, second, third]));
                }
            }
            Self::Slabs(slabs) => {
                for (range, inner) in slabs {
                    outer.push(*range);
                    inner.collect_boxes(outer, boxes);
                    outer.pop();
                }
            }
        }
    }
}

/// Cuts the axis wherever a piece begins or ends, and joins neighbours whose inner areas are the same.
fn cut(pieces: &[&Piece], axis: usize) -> Area {
    if pieces.iter().all(|piece| !piece.add) {
        return if axis == 3 {
            Area::Whole(false)
        } else {
            Area::Slabs(Vec::new())
        };
    }
    if axis == 3 {
        return Area::Whole(pieces.iter().all(|piece| piece.add));
    }
    // One past the end of an address range may be 2^32.
    let starts: BTreeSet<u64> = pieces
        .iter()
        .flat_map(|piece| {
            [
                u64::from(piece.ranges[axis].0),
                u64::from(piece.ranges[axis].1) + 1,
            ]
        })
        .collect();
    let starts: Vec<u64> = starts.into_iter().collect();
    let mut slabs: Vec<(Range, Area)> = Vec::new();
    for pair in starts.windows(2) {
        let range = (pair[0] as u32, (pair[1] - 1) as u32);
        let within: Vec<&Piece> = pieces
            .iter()
            .copied()
            .filter(|piece| contains(piece.ranges[axis], range))
            .collect();
        let inner = cut(&within, axis + 1);
        if inner.is_empty() {
            continue;
        }
        match slabs.last_mut() {
            Some((last, area)) if u64::from(last.1) + 1 == pair[0] && *area == inner => {
                last.1 = range.1;
            }
            Some(_) | None => slabs.push((range, inner)),
        }
    }
    Area::Slabs(slabs)
}

fn contains(outer: Range, inner: Range) -> bool {
    outer.0 <= inner.0 && inner.1 <= outer.1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn unites_what_nests_overlaps_and_touches() {
        let inside = ports("10.0.0.0", "10.0.0.255", 5432, 5432);
        let around = ports("10.0.0.0", "10.0.255.255", 0, 65535);
        let beside = ports("10.1.0.0", "10.1.255.255", 0, 65535);
        let united = ports("10.0.0.0", "10.1.255.255", 0, 65535);
        assert_eq!(disjoint([inside, around, beside]), BTreeSet::from([united]));
    }

    #[test]
    fn keeps_the_last_address() {
        let all = ports("0.0.0.0", "255.255.255.255", 0, 65535);
        assert_eq!(disjoint([all, all]), BTreeSet::from([all]));
        assert_eq!(subtract([all], [all]), BTreeSet::new());
    }

    #[test]
    fn one_port_to_everybody_does_not_cut_the_addresses_of_another() {
        let web = ports("0.0.0.0", "255.255.255.255", 443, 443);
        let hosts = (0..60u8).map(|last| {
            let address = Ipv4Addr::new(10, 0, 0, 2 * last);
            PortBox {
                addresses: (address, address),
                protocols: (6, 6),
                ports: (5432, 5432),
            }
        });
        assert_eq!(disjoint(hosts.chain([web])).len(), 61);
    }

    proptest! {
        #[test]
        fn covers_exactly_the_same_packets(
            boxes in prop::collection::vec(small_box(), 0..12),
            without in prop::collection::vec(small_box(), 0..5),
        ) {
            let united = subtract(boxes.clone(), without.clone());
            for type_ in 0..6u8 {
                for code in 0..6u8 {
                    for last in 0..8u8 {
                        let packet = (type_, code, Ipv4Addr::new(255, 255, 255, 248 + last));
                        let wanted = boxes.iter().any(|b| holds(b, packet)) && !without.iter().any(|b| holds(b, packet));
                        let holding = united.iter().filter(|b| holds(b, packet)).count();
                        prop_assert_eq!(holding, usize::from(wanted), "{:?} in {:?}", packet, united);
                    }
                }
            }
        }

        #[test]
        fn says_the_same_however_it_is_written(boxes in prop::collection::vec(small_box(), 0..10)) {
            let once = disjoint(boxes.clone());
            prop_assert_eq!(&disjoint(once.clone()), &once);
            prop_assert_eq!(&disjoint(boxes.into_iter().rev()), &once);
        }
    }

    fn ports(first: &str, last: &str, from: u16, to: u16) -> PortBox {
        let address = |text: &str| text.parse().expect("an address");
        PortBox {
            addresses: (address(first), address(last)),
            protocols: (6, 6),
            ports: (from, to),
        }
    }

    fn small_box() -> impl Strategy<Value = IcmpBox> {
        (0..8u8, 0..8u8, 0..6u8, 0..6u8, 0..6u8, 0..6u8).prop_map(|(a, b, c, d, e, f)| {
            let address = |last: u8| Ipv4Addr::new(255, 255, 255, 248 + last);
            IcmpBox {
                addresses: (address(a.min(b)), address(a.max(b))),
                types: (c.min(d), c.max(d)),
                codes: (e.min(f), e.max(f)),
            }
        })
    }

    fn holds(b: &IcmpBox, (type_, code, address): (u8, u8, Ipv4Addr)) -> bool {
        let within = |low, high, value| low <= value && value <= high;
        within(b.types.0, b.types.1, type_)
            && within(b.codes.0, b.codes.1, code)
            && b.addresses.0 <= address
            && address <= b.addresses.1
    }
}
