//! Which replicas make a shard: by WHO region, or neighbours in the list of metros.

use crate::engine::{ShardKey, ShardMap, ShardedParams};
use crate::network::Backbone;

use super::WorldData;

/// One shard, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardSite {
    /// Its regions' codes, or its number from 1.
    pub name: String,
    /// Its replicas.
    pub replicas: u32,
    /// The WHO regions that it serves, where shards are regions.
    pub regions: Vec<String>,
}

impl ShardSite {
    /// The only shard of `replicas`.
    pub fn whole(replicas: u32) -> ShardSite {
        ShardSite { name: "all".into(), replicas, regions: Vec::new() }
    }
}

/// A shard in the making: the regions that it serves, and the metros of its replicas.
struct Group {
    regions: Vec<String>,
    metros: Vec<usize>,
}

/// Divides replicas in these metros into shards. Returns their metros, shard after shard, and the shards.
pub(super) fn divide(
    metro_of: Vec<usize>,
    params: &ShardedParams,
    world: &WorldData,
    backbone: &Backbone,
) -> (Vec<usize>, Vec<ShardSite>) {
    let mut metros = metro_of;
    // The list of metros is sorted by region, and within it by neighbourhood.
    metros.sort_unstable();
    let groups = match params.shards {
        ShardMap::Count(shards) => neighbours(&metros, shards as usize),
        ShardMap::By(ShardKey::Region) => by_region(&metros, params.committee as usize, world, backbone),
    };
    let site = |(nth, group): (usize, &Group)| ShardSite {
        name: if group.regions.is_empty() { (nth + 1).to_string() } else { group.regions.join("+") },
        replicas: group.metros.len() as u32,
        regions: group.regions.clone(),
    };
    let sites = groups.iter().enumerate().map(site).collect();
    (groups.into_iter().flat_map(|group| group.metros).collect(), sites)
}

fn neighbours(metros: &[usize], shards: usize) -> Vec<Group> {
    let n = metros.len();
    let part = |nth: usize| metros[nth * n / shards..(nth + 1) * n / shards].to_vec();
    (0..shards).map(|nth| Group { regions: Vec::new(), metros: part(nth) }).collect()
}

/// One group for each region with replicas; the smallest is merged with its nearest until all have enough.
fn by_region(metros: &[usize], least: usize, world: &WorldData, backbone: &Backbone) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for &metro in metros {
        let region = &world.metros[metro].region;
        match groups.iter_mut().find(|group| group.regions.contains(region)) {
            Some(group) => group.metros.push(metro),
            None => groups.push(Group { regions: vec![region.clone()], metros: vec![metro] }),
        }
    }
    while groups.len() > 1
        && let Some(small) = (0..groups.len()).min_by_key(|&nth| groups[nth].metros.len())
        && groups[small].metros.len() < least
    {
        let Group { regions, metros } = groups.remove(small);
        // Sums over all pairs, as integers, so that no rounding decides.
        let distance = |group: &Group| {
            let pairs = group.metros.iter().flat_map(|&a| metros.iter().map(move |&b| (a, b)));
            let sum: u64 = pairs.map(|(a, b)| backbone.rtt(a, b).0).sum();
            sum / group.metros.len() as u64
        };
        let nearest = (0..groups.len()).min_by_key(|&nth| distance(&groups[nth])).expect("another group is left");
        groups[nearest].regions.extend(regions);
        groups[nearest].metros.extend(metros);
    }
    groups
}
