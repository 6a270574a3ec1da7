/**
 * How an x86-64 engine gets to privilege level 3, where user programs run. Unicorn begins at level 0: there, programs could write control
 * and debug registers (the latter make Unicorn 2.1 run translated code that it has just thrown away) and use ports.
 *
 * The only way down is a return from an interrupt, which needs a descriptor table (Intel SDM volume 3, 3.5.1 and 6.12.1).
 */

/** A page for the table, the code and its stack, and where in the page the code begins. */
export const USER_MODE_PAGE = { address: 0x1_0000, size: 0x1000, code: 0x40 } as const;

/** Descriptors by index (volume 3, 3.4.5): data of level 3, and 64-bit code of level 3, both marked as accessed. */
const DESCRIPTORS: Readonly<Record<number, bigint>> = {
  5: 0x00cf_f300_0000_ffffn,
  6: 0x00af_fb00_0000_ffffn,
};
const DESCRIPTOR_BYTES = 8;
const DESCRIPTOR_COUNT = 7;

/** `iretq` to level 3, with Linux's selectors; the system call behind ends the run. */
const CODE = [
  // mov rax, rsp; push 0x2b; push rax
  0x48, 0x89, 0xe0, 0x6a, 0x2b, 0x50,
  // push 0x202; push 0x33
  0x68, 0x02, 0x02, 0x00, 0x00, 0x6a, 0x33,
  // lea rax, [rip + 3]; push rax; iretq; syscall
  0x48, 0x8d, 0x05, 0x03, 0x00, 0x00, 0x00, 0x50, 0x48, 0xcf, 0x0f, 0x05,
] as const;

/** `UC_X86_REG_GDTR`. */
export const DESCRIPTOR_TABLE_REGISTER = 243;

/** Fills the page. */
export function writeUserModePage(page: Uint8Array): void {
  const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
  for (const [index, descriptor] of Object.entries(DESCRIPTORS)) {
    view.setBigUint64(Number(index) * DESCRIPTOR_BYTES, descriptor, true);
  }
  page.set(CODE, USER_MODE_PAGE.code);
}

/** The register's value (`uc_x86_mmr`: selector, base, limit, flags) for the table in the page, and for none. */
export function descriptorTable(present: boolean): DataView {
  const value = new DataView(new ArrayBuffer(24));
  if (!present) return value;
  value.setBigUint64(8, BigInt(USER_MODE_PAGE.address), true);
  value.setUint32(16, DESCRIPTOR_COUNT * DESCRIPTOR_BYTES - 1, true);
  return value;
}
