//! temporary driver
use systole::engine::*; use systole::scenario::*;
struct C; impl Control for C { fn proceed(&mut self, _:&Progress)->bool{true} }
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let s = Scenario::load(args[1].as_ref(), &args[2..]).unwrap_or_else(|e| { eprintln!("{e}"); std::process::exit(2) });
    let w = s.world().unwrap_or_else(|e| { eprintln!("{e}"); std::process::exit(2) });
    let (setup, _p) = s.setup(&w, &RunOptions{threads: 2, modelled: false, load_tps: None, timing: None});
    let t = std::time::Instant::now();
    let o = run(s.file.consensus.protocol, &s.file.protocols, &setup, &mut C).unwrap_or_else(|e| { eprintln!("{e}"); std::process::exit(5) });
    println!("{:?} {:?} wall {:?} events {}", o.digest, o.counts, t.elapsed(), o.events);
    for d in systole::metrics::Definition::ALL { let h=o.latencies.overall(d); println!("{} n={} p50={:.1} p99={:.1} max={:.1}", d.name(), h.count(), h.quantile_ms(0.5), h.quantile_ms(0.99), h.max_ms()); }
    for r in &o.utilisation.rows { println!("{} mean {}ppm max {}ppm", r.resource.name(), r.mean_ppm, r.max_ppm); }
    println!("{:?} {:?}", o.utilisation.binding(), o.real);
}
