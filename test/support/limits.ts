/** The same device, said to have other limits: to see how work is split without needing that much memory. */
export function withLimits(device: GPUDevice, changed: Readonly<Record<string, number>>): GPUDevice {
  const limits = new Proxy(device.limits, {
    get: (target, name) => changed[String(name)] ?? Reflect.get(target, name, target),
  });
  return new Proxy(device, {
    get: (target, name) => {
      if (name === 'limits') return limits;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
