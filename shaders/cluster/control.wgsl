// Words of the control buffer, which says where the iteration stands. src/cluster/lloyd.ts reads and writes the same.

// 0 while it runs, otherwise why it halted.
const HALTED = 0u;
const ITERATION = 1u;
// Labels that changed in the last round.
const CHANGED = 2u;
const EMPTY = 3u;
// Sum of the squared centroid shifts of the last round, and the largest that ends the iteration: 128 bits each.
const SHIFT = 4u;
const THRESHOLD = 8u;
// Largest squared norm of a centroid, as the bits of a float.
const LARGEST_NORM = 12u;
// Points of the last round that f32 could not decide.
const UNDECIDED = 13u;
// Points of the last round that 8 bits could not decide.
const RECHECKED = 14u;
// Largest coordinate of a centroid in magnitude, as the bits of a float.
const LARGEST_COORDINATE = 15u;

// Values of the word HALTED.
const RUNNING = 0u;
// No label changed.
const SETTLED = 1u;
// The centroids moved by no more than the tolerance.
const TOLERANCE = 2u;
// A cluster has no points; the host moves it.
const EMPTY_CLUSTER = 3u;
