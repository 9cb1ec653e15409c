//! The commit rule of DAGs: which anchors are committed, and what each takes with it, derived here once more.
//!
//! The judge knows every block that was proposed (where the rule wants certificates: certified), each after what it links
//! to, and so sees what a replica would that received everything. Protocols prove that no two correct replicas decide
//! otherwise, whatever part of the DAG each has, while no more than f lie. The judge's DAG is one of those that a correct
//! replica could have: a liar's blocks that only some got, or nobody, are as if they had reached the judge alone, and what
//! no correct replica takes in (links to nothing, or not to a quorum) it leaves out too. So it never decides otherwise than
//! a correct replica, and as decisions stay when blocks are added, it has decided whatever a replica commits: a commit that
//! its DAG does not decide yet is convicted. But for one case: who keeps its proposals to itself may decide by them, where
//! nobody certifies, before the judge knows as much; such a commit is compared when the judge has decided too.

mod bullshark;
mod mysticeti;
mod tusk;
mod waves;
mod web;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use crate::base::{Digest, Height, ReplicaId, View};
use crate::ledger::{BatchRef, Block, Certificate, Committee, DagRule, Link, Phase, Promises};

use super::arithmetic::{Set, liars, quorum};
use super::roll::REMEMBERED;
use super::{Judge, Tap};

pub(super) use web::MOST_FORKS;

use bullshark::bullshark;
use mysticeti::Mysticeti;
use tusk::Tusk;
use waves::Waves;
use web::{Place, Web, Woven};

/// A rule's state: what each remembers is of rounds from the last anchor's on.
enum Rule {
    Tusk(Tusk),
    Bullshark(Waves),
    Mysticeti(Mysticeti),
}

impl Rule {
    fn new(rule: DagRule, n: u32, quorum: u32, liars: u32) -> Rule {
        match rule {
            DagRule::Tusk => Rule::Tusk(Tusk::new(n, quorum, liars)),
            DagRule::Bullshark => Rule::Bullshark(bullshark(n, quorum)),
            DagRule::Mysticeti { leaders } => Rule::Mysticeti(Mysticeti::new(n, quorum, leaders)),
        }
    }

    /// A replica proposed in a round; the anchors that follow.
    fn on_proposed(&mut self, web: &Web, round: u64, by: ReplicaId) -> Vec<Place> {
        let Rule::Tusk(tusk) = self else { return Vec::new() };
        tusk.on_proposed(round, by);
        tusk.anchors(web)
    }

    /// A block is in the DAG; the anchors that follow.
    fn on_block(&mut self, web: &Web, block: &Woven, at: Place) -> Vec<Place> {
        match self {
            Rule::Mysticeti(mysticeti) => mysticeti.on_block(web, block, at),
            Rule::Tusk(tusk) => {
                tusk.on_block(web, at);
                tusk.anchors(web)
            }
            Rule::Bullshark(waves) => {
                waves.on_block(web, at);
                waves.anchors(web, |_| true)
            }
        }
    }
}

/// A committed sub-DAG, as it must be.
struct Expected {
    anchor: Link,
    /// What it orders, until a replica committed just that.
    batches: Vec<BatchRef>,
    /// What a replica committed that was right.
    right: Option<Digest>,
}

/// At each height every replica that is not faulty commits the anchor that the judge's own committer has there, and what
/// it takes with it: everything that it builds on, within `depth` rounds, that no anchor before it took, in order.
///
/// That a block's id is that of its contents, and that its parent is what the replica committed before, the `chain` judge
/// sees to: so blocks are compared with what was found right by their ids. Rounds that lie more than `depth` below the last
/// anchor are forgotten, and blocks of rounds more than [`REMEMBERED`] above it are not known: no protocol is undecided for
/// so long. [`REMEMBERED`] heights below the last are remembered. Memory: a [`Web`] of those rounds; 110 bytes a height,
/// and 64 for each batch until it is first committed; proposals that are not certified yet, 48 bytes a link.
pub(super) struct DagRules {
    rule: Rule,
    certified: bool,
    depth: u64,
    quorum: u32,
    faulty: Set,
    web: Web,
    /// Proposals that nobody has certified yet.
    headers: BTreeMap<(u64, Digest), Woven>,
    /// Blocks whose author has not proposed its own before yet, which these links name: who keeps proposals to itself for a
    /// while may show them later.
    waiting: BTreeMap<Link, Woven>,
    /// The highest round in which each replica proposed.
    proposed: Vec<u64>,
    /// Commits of what was not decided yet.
    claims: Vec<Claim>,
    /// The sub-DAGs from height `lowest` on.
    line: VecDeque<Expected>,
    lowest: u64,
    /// The round of the last anchor.
    top: u64,
}

impl DagRules {
    pub(super) fn new(
        committee: &Committee,
        promises: &Promises,
        (rule, depth): (DagRule, u64),
        faulty: &Set,
    ) -> DagRules {
        let n = committee.len();
        let quorum = quorum(promises.tolerates, n);
        DagRules {
            rule: Rule::new(rule, n, quorum, liars(promises.tolerates, n)),
            certified: is_certified(rule),
            depth,
            quorum,
            faulty: faulty.clone(),
            web: Web::new(n),
            headers: BTreeMap::new(),
            waiting: BTreeMap::new(),
            proposed: vec![0; n as usize],
            claims: Vec::new(),
            line: VecDeque::new(),
            lowest: 1,
            top: 0,
        }
    }

    fn on_proposal(&mut self, by: ReplicaId, block: &Block) {
        let round = block.view.0;
        let is_kept = (self.web.oldest()..=self.top + REMEMBERED).contains(&round);
        if by != block.author || !is_kept || self.web.find(&block.link()).is_some() {
            return;
        }
        let highest = &mut self.proposed[by.index()];
        *highest = round.max(*highest);
        let block = Woven::of(block);
        if !self.certified {
            return self.weave(block);
        }
        let of_round = self.headers.range((round, Digest::ZERO)..(round + 1, Digest::ZERO));
        if of_round.filter(|(_, header)| header.author == by).count() < MOST_FORKS {
            self.headers.insert((round, block.id), block);
        }
        let anchors = self.rule.on_proposed(&self.web, round, by);
        self.append(anchors);
    }

    fn on_certificate(&mut self, certificate: &Certificate) {
        let Certificate { phase, height, block, .. } = *certificate;
        if !self.certified || phase != Phase::Vote {
            return;
        }
        if let Some(header) = self.headers.remove(&(height.0, block)) {
            self.weave(header);
        }
    }

    /// A block counts from now on, and what waited for it.
    fn weave(&mut self, block: Woven) {
        let mut next = Some(block);
        while let Some(block) = next.take() {
            if let Some(own) = self.web.lacks_own(&block) {
                if self.waiting.len() < REMEMBERED as usize {
                    self.waiting.insert(own, block);
                }
                return;
            }
            let Some(at) = self.web.insert(&block, self.quorum) else { return };
            next = self.waiting.remove(&block.link());
            let anchors = self.rule.on_block(&self.web, &block, at);
            self.append(anchors);
        }
    }

    /// Further anchors are committed: what they take, and what no later one will.
    fn append(&mut self, anchors: Vec<Place>) {
        if anchors.is_empty() {
            return;
        }
        for place in anchors {
            let anchor = self.web.link(place);
            let from = lowest(place.round, self.depth);
            let batches = self.web.take(place, from);
            self.line.push_back(Expected { anchor, batches, right: None });
            self.top = place.round;
        }
        if self.line.len() as u64 > REMEMBERED {
            let old = self.line.len() - REMEMBERED as usize;
            self.lowest += old as u64;
            self.line.drain(..old);
        }
        self.web.forget(lowest(self.top, self.depth));
        self.headers = self.headers.split_off(&(self.web.oldest(), Digest::ZERO));
        self.let_go();
    }

    /// What waited for blocks of rounds that are forgotten now waits no longer.
    fn let_go(&mut self) {
        while let Some((link, _)) = self.waiting.first_key_value().filter(|(link, _)| link.round.0 < self.web.oldest())
        {
            let link = *link;
            self.waiting.remove(&link).into_iter().for_each(|block| self.weave(block));
        }
    }

    fn on_commit(&mut self, replica: ReplicaId, block: &Block) -> Result<(), String> {
        if self.faulty.contains(replica) || block.height.0 < self.lowest {
            return Ok(());
        }
        let expected = self.line.get((block.height.0 - self.lowest) as usize);
        if expected.is_some_and(|expected| expected.right == Some(block.id())) {
            return Ok(());
        }
        let claim = Claim::of(replica, block);
        match expected {
            Some(_) => self.check(&claim),
            // Its own blocks, which nobody else has seen, may have decided it.
            None if self.keeps_back(&claim) && self.claims.len() < REMEMBERED as usize => {
                self.claims.push(claim);
                Ok(())
            }
            None => Err(format!(
                "{claim}, which is not decided: there are {} anchors",
                self.lowest + self.line.len() as u64 - 1
            )),
        }
    }

    /// Whether a replica may have kept blocks to itself that decide what it commits: it has not proposed so far yet, or what
    /// it has builds on a block of its own that it has not shown.
    fn keeps_back(&self, claim: &Claim) -> bool {
        let anchor = claim.links.first().map_or(0, |anchor| anchor.round.0);
        let far = self.proposed[claim.replica.index()] >= anchor + 2;
        !self.certified && (!far || self.waiting.values().any(|block| block.author == claim.replica))
    }

    /// Compares what is decided now with what was committed before.
    fn check_claims(&mut self) -> Result<(), String> {
        let decided = self.lowest + self.line.len() as u64;
        for claim in self.claims.extract_if(.., |claim| claim.height.0 < decided).collect::<Vec<_>>() {
            self.check(&claim)?;
        }
        Ok(())
    }

    /// Compares a commit with what is decided at its height.
    fn check(&mut self, claim: &Claim) -> Result<(), String> {
        let Some(index) = claim.height.0.checked_sub(self.lowest) else { return Ok(()) };
        let expected = self.line.get_mut(index as usize).expect("the height is decided");
        let Expected { anchor, ref batches, right } = *expected;
        if claim.links != [anchor] {
            return Err(format!("{claim}, where the anchor is {}", name(&anchor)));
        }
        if (claim.view, claim.author) != (anchor.round, anchor.author) {
            return Err(format!("{claim} as if of {} in {}", claim.author, claim.view));
        }
        match right {
            Some(right) if right != claim.id => return Err(format!("{claim}, but not as another did rightly")),
            Some(_) => {}
            None => compare(&claim.batches, batches).map_err(|what| format!("{claim}, which {what}"))?,
        }
        (expected.batches, expected.right) = (Vec::new(), Some(claim.id));
        Ok(())
    }
}

/// A commit.
struct Claim {
    replica: ReplicaId,
    height: Height,
    view: View,
    author: ReplicaId,
    links: Vec<Link>,
    batches: Vec<BatchRef>,
    id: Digest,
}

impl Claim {
    fn of(replica: ReplicaId, block: &Block) -> Claim {
        let (height, view, author, id) = (block.height, block.view, block.author, block.id());
        let (links, batches) = (block.links.clone(), block.payload.batches.clone());
        Claim { replica, height, view, author, links, batches, id }
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let anchor = self.links.first().map_or("nothing".into(), name);
        write!(f, "{} commits the sub-DAG of {anchor} at {}", self.replica, self.height)
    }
}

/// What is wrong with the order of batches.
fn compare(ordered: &[BatchRef], due: &[BatchRef]) -> Result<(), String> {
    if ordered.len() != due.len() {
        return Err(format!("orders {} batches, where it takes {}", ordered.len(), due.len()));
    }
    match ordered.iter().zip(due).position(|(ordered, due)| ordered != due) {
        Some(at) => Err(format!("orders {:?} as batch {at}, where {:?} comes", ordered[at].id, due[at].id)),
        None => Ok(()),
    }
}

/// How messages name a block of a DAG.
pub(super) fn name(link: &Link) -> String {
    format!("{}'s block {:?} of round {}", link.author, link.id, link.round.0)
}

/// Whether blocks must be certified before others may link to them.
pub(super) fn is_certified(rule: DagRule) -> bool {
    match rule {
        DagRule::Tusk | DagRule::Bullshark => true,
        DagRule::Mysticeti { .. } => false,
    }
}

/// The lowest round of which an anchor of `round` takes anything.
pub(super) fn lowest(round: u64, depth: u64) -> u64 {
    round.saturating_sub(depth).max(1)
}

impl Judge for DagRules {
    fn name(&self) -> &'static str {
        "dag_rule"
    }

    fn observe(&mut self, tap: &Tap<'_>) -> Result<(), String> {
        match tap {
            Tap::Proposed { by, block } => self.on_proposal(*by, block),
            Tap::Certified { certificate } => self.on_certificate(certificate),
            Tap::Committed { replica, block, .. } => return self.on_commit(*replica, block),
            _ => return Ok(()),
        }
        self.check_claims()
    }
}
