// The nearest centroid of a point so far, and when f32 is enough to be sure of it.
struct Nearest { best: f32, second: f32, cluster: u32 }

// Above every score.
const FAR = 3.0e38;

fn nobody() -> Nearest {
  return Nearest(FAR, FAR, 0u);
}

// Clusters come in ascending order: the lowest index keeps a tie.
fn consider(nearest: Nearest, score: f32, cluster: u32) -> Nearest {
  return Nearest(
    min(nearest.best, score),
    max(nearest.best, min(nearest.second, score)),
    select(nearest.cluster, cluster, score < nearest.best),
  );
}

// What the error of every score is proportional to. Direct: a score is |x - c|^2 and its error is relative. Otherwise it
// is |c|^2 / 2 - x.c, whose terms are at most |x|^2 / 2 + |c|^2 in sum.
fn errorBase(nearest: Nearest, squaredNorm: f32, largestNorm: f32) -> f32 {
  @if(direct) { return nearest.best; }
  @else { return 0.5 * squaredNorm + largestNorm; }
}

// `factor` and `slack` bound the errors of both scores together.
fn isUndecided(nearest: Nearest, base: f32, factor: f32, slack: f32) -> bool {
  return nearest.second <= nearest.best + (base * factor + slack);
}
