// Sums of powers and their roots, as L1, L2 and Lp norms need them.

fn powered(value: f32, exponent: f32) -> f32 {
  if (exponent == 1.0) { return abs(value); }
  if (exponent == 2.0) { return value * value; }
  return pow(abs(value), exponent);
}

fn rooted(sum: f32, exponent: f32) -> f32 {
  if (exponent == 1.0) { return sum; }
  if (exponent == 2.0) { return sqrt(sum); }
  return pow(sum, 1.0 / exponent);
}
