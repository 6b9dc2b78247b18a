// Index of a workgroup in a grid that the host has spread over x and y because it is longer than one dimension allows.
// Kernels compare it with their own count and return beyond the end.
fn linearWorkgroup(workgroup: vec3u, workgroups: vec3u) -> u32 {
  return workgroup.y * workgroups.x + workgroup.x;
}
