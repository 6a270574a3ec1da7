/**
 * Rounding floats to integral floats without an instruction for it: adding 2^52 (f32: 2^23) to a magnitude below that
 * drops the fraction, rounding to nearest even; the other directions correct that by one. Magnitudes from there on are
 * integral; those and NaNs are returned as they are, by a multiplication that makes signalling NaNs quiet.
 */
export const roundingText = [rounding('f32', '0x1p23'), rounding('f64', '0x1p52')].join('');

function rounding(T: 'f32' | 'f64', integral: string): string {
  const x = '(local.get $x)';
  const r = '(local.get $r)';
  const nearest = (value: string) =>
    `(${T}.sub (${T}.add (${T}.abs ${value}) (${T}.const ${integral})) (${T}.const ${integral}))`;
  const func = (name: string, body: string) => `
(func $${T}_${name} (export "${T}_${name}") (param $x ${T}) (result ${T}) (local $r ${T})
  (if (i32.eqz (${T}.lt (${T}.abs ${x}) (${T}.const ${integral})))
    (then (return (${T}.mul ${x} (${T}.const 1)))))
  ${body})
`;
  const step = (compare: string, operation: string) => `
  (local.set $r (${T}.copysign ${nearest(x)} ${x}))
  (if (${T}.${compare} ${r} ${x}) (then (local.set $r (${T}.${operation} ${r} (${T}.const 1)))))
  (${T}.copysign ${r} ${x})`;
  return [
    func('nearest', `(${T}.copysign ${nearest(x)} ${x})`),
    func('ceil', step('lt', 'add')),
    func('floor', step('gt', 'sub')),
    func(
      'trunc',
      `
  (local.set $r ${nearest(x)})
  (if (${T}.gt ${r} (${T}.abs ${x})) (then (local.set $r (${T}.sub ${r} (${T}.const 1)))))
  (${T}.copysign ${r} ${x})`,
    ),
  ].join('');
}
