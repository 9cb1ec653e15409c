//! The pacemaker: which view it is, who leads it, when to give up on it, and when enough others have.
//!
//! Views end by a certificate (the protocol says so) or by an all-to-all exchange of timeouts, as Jolteon describes it
//! and the other papers leave open. A timeout is repeated while its view lasts, and proves that its view has begun, by
//! the certificate of the view before or by the TC that opened it. So whoever missed anything is brought to the view of
//! the timeouts it hears, and only timeouts of the current view are ever kept.

use std::sync::Arc;

use crate::base::{ReplicaId, Span, View};
use crate::consensus::planted::planted;
use crate::consensus::{BadSetting, Context, MOST_TIMEOUT_MS};
use crate::ledger::{Certificate, Committee, Leaders, Signers, TimeoutCertificate};

use super::{Chained, ChainedTimer};

/// How many views ahead the dissemination layer is told of a leader: a batch is on its way for about one view.
const EXPECT_AHEAD: u64 = 2;
/// How often the timeout of a view may grow to.
const MOST_GROWTH: u64 = 16;
/// The longest wait for a fetched block before another replica is asked, ms: some round trips.
const MOST_FETCH_MS: u64 = 1_000;

/// How fast views go by.
#[derive(Clone, Copy, Debug)]
pub(in crate::consensus) struct Pace {
    /// The timeout of a view, ms.
    pub view_timeout_ms: u64,
    /// Growth of the timeout with each view without a commit, percent.
    pub timeout_growth_percent: u64,
    /// Views in a row that a replica leads.
    pub leader_views: u64,
    /// Views from a block's proposal to its commit, without trouble.
    pub pipeline: u32,
}

impl Pace {
    pub fn validate(self) -> Result<(), BadSetting> {
        BadSetting::unless_within("view_timeout_ms", self.view_timeout_ms, 1, MOST_TIMEOUT_MS)?;
        BadSetting::unless_within("timeout_growth_percent", self.timeout_growth_percent, 100, 1_000)
    }

    pub fn leaders(self) -> Leaders {
        Leaders::ByView { every: self.leader_views.max(1) }
    }

    /// The timeouts may all have grown to the most. Two of them bring everyone into one view; then each of at most f
    /// faulty leaders costs two, its own and the one before it, whose votes it should have collected; 10 s are for blocks
    /// to be proposed, voted on, and fetched by those that missed them.
    pub fn patience(self, committee: &Committee) -> Span {
        let grown = if self.timeout_growth_percent > 100 { MOST_GROWTH } else { 1 };
        let views = 2 + 2 * u64::from(committee.faults());
        Span::from_millis(self.view_timeout_ms * grown * views + 10_000)
    }

    /// A chain commits every view; views up to the pipeline's depth are normal, and only more are a sign of trouble.
    fn timeout(self, views_without_commit: u32) -> Span {
        let (base, growth) = (self.view_timeout_ms, self.timeout_growth_percent.max(100));
        let excess = views_without_commit.saturating_sub(self.pipeline + 1).min(300);
        let most = base * MOST_GROWTH;
        Span::from_millis((0..excess).fold(base, |timeout, _| (timeout * growth / 100).min(most)))
    }

    /// How long to wait for a fetched block.
    pub fn fetch_retry(self) -> Span {
        Span::from_millis((self.view_timeout_ms / 4).clamp(1, MOST_FETCH_MS))
    }
}

/// The current view and the timeouts of it. Memory: 12 bytes a replica.
#[derive(Clone, Debug)]
pub(in crate::consensus) struct Pacemaker {
    committee: Committee,
    pace: Pace,
    view: View,
    opened_by: Option<Arc<TimeoutCertificate>>,
    /// Who gave up on the view, and with which highest certificate.
    given_up: Signers,
    timeouts: Vec<(ReplicaId, View)>,
    views_without_commit: u32,
}

impl Pacemaker {
    /// Before the first view.
    pub fn new(committee: &Committee, pace: Pace) -> Pacemaker {
        Pacemaker {
            committee: *committee,
            pace,
            view: View(0),
            opened_by: None,
            given_up: Signers::none_of(committee.len()),
            timeouts: Vec::new(),
            views_without_commit: 0,
        }
    }

    /// What is left of it after a crash: the view, and what opened it.
    pub fn recovered(&self) -> Pacemaker {
        let (view, opened_by) = (self.view, self.opened_by.clone());
        Pacemaker { view, opened_by, ..Pacemaker::new(&self.committee, self.pace) }
    }

    pub fn view(&self) -> View {
        self.view
    }

    /// The TC that opened the view, unless a certificate did.
    pub fn opened_by(&self) -> Option<&Arc<TimeoutCertificate>> {
        self.opened_by.as_ref()
    }

    pub fn leader(&self, view: View) -> ReplicaId {
        let nth = view.0 / self.pace.leader_views.max(1);
        self.committee.leader(View(nth))
    }

    /// Who collects the votes of a view: the leader of the next. Any view, for a liar may name the last that there is.
    pub fn collector(&self, view: View) -> ReplicaId {
        self.leader(View(view.0.saturating_add(1)))
    }

    /// The view that a TC opens: the first of the next leader, for the one that was given up on has lost its turn.
    pub fn opened(&self, certificate: &TimeoutCertificate) -> View {
        let every = self.pace.leader_views.max(1);
        View((certificate.view.0 / every).saturating_add(1).saturating_mul(every))
    }

    /// Begins a view and its timer.
    pub fn enter<P: Chained>(
        &mut self,
        view: View,
        opened_by: Option<Arc<TimeoutCertificate>>,
        ctx: &mut Context<'_, P>,
    ) {
        assert!(view > self.view, "views only go up");
        self.view = view;
        self.opened_by = opened_by;
        self.given_up = Signers::none_of(self.committee.len());
        self.timeouts.clear();
        self.views_without_commit = self.views_without_commit.saturating_add(1);
        self.arm(ctx);
        ctx.expect(self.leader(View(view.0 + EXPECT_AHEAD)));
    }

    /// Starts the view's timer.
    pub fn arm<P: Chained>(&self, ctx: &mut Context<'_, P>) {
        ctx.arm(ChainedTimer::View, self.pace.timeout(self.views_without_commit));
    }

    /// Starts the view's timer again after a timeout was sent: it is repeated while the view lasts.
    pub fn rearm<P: Chained>(&self, ctx: &mut Context<'_, P>) {
        if !planted!("timer not re-armed") {
            self.arm(ctx);
        }
    }

    /// Something was committed: this pace is slow enough.
    pub fn committed(&mut self) {
        self.views_without_commit = 0;
    }

    /// Whether a timeout's certificates prove that its view has begun. Every honest one's do; a liar may name any view.
    pub fn has_begun(&self, view: View, high: &Certificate, opened_by: Option<&TimeoutCertificate>) -> bool {
        high.view.next() == view || opened_by.is_some_and(|certificate| self.opened(certificate) == view)
    }

    /// Counts a timeout of the current view; the TC, once, when a quorum has given up.
    pub fn count(&mut self, from: ReplicaId, view: View, high: View) -> Option<Arc<TimeoutCertificate>> {
        if view != self.view || (!self.given_up.insert(from) && !planted!("duplicate timeouts counted")) {
            return None;
        }
        self.timeouts.push((from, high));
        (self.timeouts.len() == self.committee.quorum() as usize).then(|| {
            let mut timeouts = self.timeouts.clone();
            timeouts.sort_unstable();
            Arc::new(TimeoutCertificate { view, timeouts })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Time;
    use crate::consensus::chained::testing::genesis_certificate;
    use crate::consensus::testing::Payloads;
    use crate::consensus::{Effect, Jolteon};

    fn pace(leader_views: u64) -> Pace {
        Pace { view_timeout_ms: 1_000, timeout_growth_percent: 200, leader_views, pipeline: 3 }
    }

    /// Of four replicas, in `view`.
    fn in_view(view: u64, leader_views: u64) -> Pacemaker {
        let mut pacemaker = Pacemaker::new(&Committee::new(4), pace(leader_views));
        enter(&mut pacemaker, view);
        pacemaker
    }

    /// Enters a view; its timeout, ms.
    fn enter(pacemaker: &mut Pacemaker, view: u64) -> u64 {
        let (mut source, mut effects, mut charges) = (Payloads::default(), Vec::new(), Vec::new());
        let mut ctx = Context::<Jolteon>::new(Time::ZERO, &mut source, &mut effects, &mut charges);
        pacemaker.enter(View(view), None, &mut ctx);
        let armed = effects.iter().find_map(|effect| match effect {
            Effect::Arm(ChainedTimer::View, after) => Some(after.0 / 1_000_000),
            _ => None,
        });
        armed.expect("entering a view starts its timer")
    }

    fn count(pacemaker: &mut Pacemaker, from: u32, view: u64, high: u64) -> Option<Vec<(u32, u64)>> {
        let certificate = pacemaker.count(ReplicaId(from), View(view), View(high))?;
        assert_eq!(certificate.view, View(view));
        Some(certificate.timeouts.iter().map(|(by, high)| (by.0, high.0)).collect())
    }

    #[test]
    fn a_quorum_of_timeouts_of_the_current_view_is_a_certificate_once() {
        let mut pacemaker = in_view(5, 1);
        assert_eq!(count(&mut pacemaker, 3, 5, 4), None);
        assert_eq!(count(&mut pacemaker, 3, 5, 4), None, "a repeated timeout");
        assert_eq!(count(&mut pacemaker, 0, 6, 5), None, "one of another view");
        assert_eq!(count(&mut pacemaker, 1, 5, 2), None);
        assert_eq!(count(&mut pacemaker, 0, 5, 3), Some(vec![(0, 3), (1, 2), (3, 4)]), "by signer");
        assert_eq!(count(&mut pacemaker, 2, 5, 3), None);
        enter(&mut pacemaker, 6);
        assert_eq!([0, 1].map(|from| count(&mut pacemaker, from, 6, 5)), [None, None], "a view begins with none");
    }

    #[test]
    fn timeouts_grow_with_views_without_a_commit_up_to_sixteenfold() {
        let mut pacemaker = Pacemaker::new(&Committee::new(4), pace(1));
        let timeouts: Vec<u64> = (1..=10).map(|view| enter(&mut pacemaker, view)).collect();
        assert_eq!(timeouts, [1_000, 1_000, 1_000, 1_000, 2_000, 4_000, 8_000, 16_000, 16_000, 16_000]);
        pacemaker.committed();
        assert_eq!(enter(&mut pacemaker, 11), 1_000);
    }

    #[test]
    fn a_leader_leads_its_views_in_a_row_unless_one_is_given_up() {
        let pacemaker = in_view(1, 3);
        let leaders: Vec<u32> = (1..=12).map(|view| pacemaker.leader(View(view)).0).collect();
        assert_eq!(leaders, [0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 0]);
        assert_eq!((pacemaker.collector(View(4)), pacemaker.collector(View(5))), (ReplicaId(1), ReplicaId(2)));
        let opened = |view| pacemaker.opened(&TimeoutCertificate { view: View(view), timeouts: Vec::new() }).0;
        assert_eq!([3, 4, 5, 6].map(opened), [6, 6, 6, 9]);
        assert!(opened(u64::MAX) == u64::MAX && pacemaker.collector(View(u64::MAX)).0 < 4, "a liar's view");
    }

    #[test]
    fn a_view_has_begun_by_the_certificate_before_it_or_by_a_certificate_of_timeouts() {
        let pacemaker = in_view(1, 1);
        let given_up = TimeoutCertificate { view: View(6), timeouts: Vec::new() };
        let begun = |view, by| pacemaker.has_begun(View(view), &genesis_certificate(), by);
        assert!(begun(1, None) && begun(7, Some(&given_up)) && begun(1, Some(&given_up)));
        assert!(!begun(2, None) && !begun(8, Some(&given_up)));
    }
}
