//! Whether a program needs a loader: one look at its ELF program headers.

use std::path::Path;

const PT_INTERP: u32 = 3;

pub fn is_static(path: &Path) -> bool {
    std::fs::read(path).is_ok_and(|bytes| interpreted(&bytes) == Some(false))
}

/// Whether the program header table names an interpreter; `None` for what is not 64-bit little-endian ELF.
fn interpreted(bytes: &[u8]) -> Option<bool> {
    if bytes.get(..6)? != b"\x7fELF\x02\x01" {
        return None;
    }
    let table = usize::try_from(u64::from_le_bytes(bytes.get(32..40)?.try_into().ok()?)).ok()?;
    let size = usize::from(u16::from_le_bytes(bytes.get(54..56)?.try_into().ok()?));
    let count = usize::from(u16::from_le_bytes(bytes.get(56..58)?.try_into().ok()?));
    for n in 0..count {
        let at = table.checked_add(n.checked_mul(size)?)?;
        let kind = u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?);
        if kind == PT_INTERP {
            return Some(true);
        }
    }
    Some(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_with_an_interpreter_header_is_not_static() {
        assert_eq!(interpreted(&elf(&[1, PT_INTERP, 2])), Some(true));
    }

    #[test]
    fn a_program_without_one_is_static() {
        assert_eq!(interpreted(&elf(&[1, 1, 4])), Some(false));
    }

    #[test]
    fn what_is_no_elf_or_cut_short_is_not_taken_for_static() {
        assert_eq!(interpreted(b"#!/bin/sh\n"), None);
        assert_eq!(interpreted(&elf(&[1, 1])[..100]), None);
    }

    fn elf(kinds: &[u32]) -> Vec<u8> {
        let mut bytes = vec![0; 64];
        bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
        bytes[32..40].copy_from_slice(&64u64.to_le_bytes());
        bytes[54..56].copy_from_slice(&56u16.to_le_bytes());
        bytes[56..58].copy_from_slice(&u16::try_from(kinds.len()).unwrap().to_le_bytes());
        for kind in kinds {
            let mut header = [0; 56];
            header[..4].copy_from_slice(&kind.to_le_bytes());
            bytes.extend_from_slice(&header);
        }
        bytes
    }
}
