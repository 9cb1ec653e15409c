//! Who has which thing: what a trace's events say of each, put together in their order.
//!
//! Contracts decide for themselves who may do what; here it is only found out where each thing was before the run,
//! where a shipment goes that does not say so, and who signs an event that names no place.

use std::collections::{BTreeMap, BTreeSet};

use crate::health::Verb;

use super::assemble::Numbers;
use super::{About, Goods, Name, TraceEntry};

/// Where a thing was before the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nowhere: the trace tells how it was made.
    Made,
    /// With its home: the trace begins when it was there.
    Held,
    /// On its way to its home: the trace begins with its coming.
    Expected,
}

/// A thing of a trace: a pack, a case, a pallet, or a quantity of a lot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thing {
    /// Where it was before the run.
    pub origin: Origin,
    /// The provider that made it, or had it first.
    pub home: u32,
    /// The provider in whose stock it is as a pack: who had it when it was dispensed or taken out, or else verified.
    pub stock: u32,
    /// Its lot, by number among the trace's, if a lot of that name is made in the trace.
    pub lot: Option<u32>,
}

/// Of shipments that do not say where they go, until everything is known.
const NOT_SAID: u32 = u32::MAX;
/// Containers that a thing is looked for in, at most: real ones are a handful deep.
const DEEPEST: usize = 16;

/// A thing while the trace is gone through.
struct State {
    thing: Thing,
    /// Who has it, or had it last.
    holder: u32,
    /// What it was packed into.
    inside: Option<u32>,
    /// It is on its way, to somebody or to whoever receives it.
    going: Option<Option<u32>>,
    /// How firmly its stock is known: not, by a look, by its being taken out.
    stocked: u8,
    made: bool,
}

/// Every thing so far.
#[derive(Default)]
pub(super) struct Custody {
    numbers: BTreeMap<Name, u32>,
    states: Vec<State>,
    lots: Numbers,
    /// Things that are made somewhere in the trace, be it after they are first named.
    made: BTreeSet<Name>,
}

/// What a step makes.
fn makes(verb: Verb, goods: &Goods) -> Option<Name> {
    match verb {
        Verb::Commission => Some(goods.thing),
        Verb::Transform => goods.into,
        _ => None,
    }
}

impl Custody {
    /// A step that the trace has somewhere.
    pub fn foresee(&mut self, verb: Verb, goods: &Goods) {
        self.made.extend(makes(verb, goods));
    }

    /// Who has a thing, if it was named before.
    pub fn holder_of(&self, name: Name) -> Option<u32> {
        self.numbers.get(&name).map(|&thing| self.holder(thing))
    }

    fn holder(&self, thing: u32) -> u32 {
        let outer = std::iter::successors(Some(thing), |&thing| self.states[thing as usize].inside);
        let last = outer.take(DEEPEST).last().expect("it begins with the thing");
        self.states[last as usize].holder
    }

    /// The next step, by who signs it; of a shipment, to whom if it says so.
    pub fn follow(&mut self, verb: Verb, goods: &Goods, by: u32, to: Option<u32>) -> About {
        let thing = self.number(goods.thing, by, verb);
        let into = goods.into.map(|into| self.number(into, by, Verb::Aggregate));
        if let Some(lot) = goods.lot {
            let lot = self.lots.of(lot);
            self.states[thing as usize].thing.lot.get_or_insert(lot);
        }
        match verb {
            Verb::Commission => self.make(thing, by),
            Verb::Transform => {
                let Some(into) = into else { unreachable!("a step without an output is no transformation") };
                self.make(into, by);
                // The contract says so too: what is packed anew stays of its lot.
                let lot = self.states[thing as usize].thing.lot;
                self.states[into as usize].thing.lot = lot;
            }
            Verb::Aggregate => {
                let held = self.has(thing, by) && into.is_some_and(|into| into != thing && self.has(into, by));
                if held {
                    self.states[thing as usize].inside = into;
                }
            }
            Verb::Ship if self.has(thing, by) => self.states[thing as usize].going = Some(to),
            Verb::Receive => self.come(thing, by),
            Verb::Dispense | Verb::Decommission => self.stock(thing, 2),
            Verb::Verify => self.stock(thing, 1),
            _ => {}
        }
        About::Goods { thing, into, to: to.unwrap_or(NOT_SAID) }
    }

    /// A thing's number. Whoever names it first has it, or has just been sent it.
    fn number(&mut self, name: Name, by: u32, verb: Verb) -> u32 {
        let next = self.states.len() as u32;
        let number = *self.numbers.entry(name).or_insert(next);
        if number == next {
            let origin = match verb {
                _ if self.made.contains(&name) => Origin::Made,
                Verb::Receive => Origin::Expected,
                _ => Origin::Held,
            };
            let thing = Thing { origin, home: by, stock: by, lot: None };
            let going = (origin == Origin::Expected).then_some(Some(by));
            self.states.push(State { thing, holder: by, inside: None, going, stocked: 0, made: false });
        }
        number
    }

    /// Is in somebody's hands, by itself.
    fn has(&self, thing: u32, by: u32) -> bool {
        let state = &self.states[thing as usize];
        let is_there = state.thing.origin != Origin::Made || state.made;
        is_there && state.holder == by && state.going.is_none() && state.inside.is_none()
    }

    fn make(&mut self, thing: u32, by: u32) {
        let state = &mut self.states[thing as usize];
        if !state.made {
            (state.made, state.thing.home, state.holder) = (true, by, by);
        }
    }

    fn come(&mut self, thing: u32, by: u32) {
        let state = &mut self.states[thing as usize];
        if state.going.is_some_and(|to| to.is_none_or(|to| to == by)) {
            (state.going, state.holder) = (None, by);
        }
    }

    fn stock(&mut self, thing: u32, firmly: u8) {
        let holder = self.holder(thing);
        let state = &mut self.states[thing as usize];
        if state.stocked < firmly {
            (state.stocked, state.thing.stock) = (firmly, holder);
        }
    }

    /// All things, and how many lots of theirs have a name. A lot that nothing made in the trace is of is one of those
    /// from before the run, which have their own numbers.
    pub fn finish(self) -> (Vec<Thing>, u32) {
        let is_made = |state: &&State| state.thing.origin == Origin::Made;
        let made: BTreeSet<u32> = self.states.iter().filter(is_made).filter_map(|state| state.thing.lot).collect();
        let lots = self.lots.count();
        let of_the_run = |thing: Thing| Thing { lot: thing.lot.filter(|lot| made.contains(lot)), ..thing };
        (self.states.into_iter().map(|state| of_the_run(state.thing)).collect(), lots)
    }
}

/// What is only known at the end: a shipment that does not say where it goes goes to who next receives the thing. A lot
/// is recalled once by an event, however many things of it that names.
pub(super) fn settle(entries: &mut Vec<TraceEntry>, things: &[Thing], verb: impl Fn(&TraceEntry) -> Verb) {
    let mut receiver = BTreeMap::new();
    for entry in entries.iter_mut().rev() {
        let (verb, by) = (verb(entry), entry.provider);
        let About::Goods { thing, to, .. } = &mut entry.about else { continue };
        if verb == Verb::Receive {
            receiver.insert(*thing, by);
        }
        if *to == NOT_SAID {
            *to = receiver.get(thing).copied().filter(|_| verb == Verb::Ship).unwrap_or(by);
        }
    }
    let (mut line, mut recalled) = ((0, 0), BTreeSet::new());
    entries.retain(|entry| {
        let About::Goods { thing, .. } = entry.about else { return true };
        if line != (entry.file, entry.text.start) {
            line = (entry.file, entry.text.start);
            recalled.clear();
        }
        let lot = things[thing as usize].lot.filter(|_| verb(entry) == Verb::Recall);
        lot.is_none_or(|lot| recalled.insert(lot))
    });
}
