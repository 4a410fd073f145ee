//! Each file beside its compressed forms, made once here instead of at each request.

use crate::{
    failure::{Failure, Result},
    site::Files,
};
use std::{collections::BTreeMap, io::Write};

pub struct Forms {
    pub raw: Vec<u8>,
    pub gzip: Vec<u8>,
    pub brotli: Vec<u8>,
}

/// Path to the file's forms.
pub type Bundle = BTreeMap<String, Forms>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    Quick,
    Highest,
}

pub fn all(files: Files, effort: Effort) -> Result<Bundle> {
    let forms = |(path, raw): (String, Vec<u8>)| {
        let fault = |source| Failure::Compress { file: path.clone(), source };
        let gzip = gzip(&raw, effort).map_err(fault)?;
        let brotli = brotli(&raw, effort).map_err(fault)?;
        Ok((path, Forms { raw, gzip, brotli }))
    };
    files.into_iter().map(forms).collect()
}

fn gzip(raw: &[u8], effort: Effort) -> std::io::Result<Vec<u8>> {
    let level = match effort {
        Effort::Quick => flate2::Compression::fast(),
        Effort::Highest => flate2::Compression::best(),
    };
    // The header's time stays zero: the same input makes the same bytes.
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
    encoder.write_all(raw)?;
    encoder.finish()
}

fn brotli(raw: &[u8], effort: Effort) -> std::io::Result<Vec<u8>> {
    const BUFFER: usize = 64 * 1024;
    let quality = match effort {
        Effort::Quick => 1,
        Effort::Highest => 11,
    };
    let params = brotli::enc::BrotliEncoderParams {
        quality,
        // The largest window that every browser takes: 16 MiB.
        lgwin: 24,
        size_hint: raw.len(),
        ..Default::default()
    };
    let mut packed = Vec::new();
    let mut encoder = brotli::CompressorWriter::with_params(&mut packed, BUFFER, &params);
    encoder.write_all(raw)?;
    encoder.flush()?;
    drop(encoder);
    Ok(packed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn the_compressed_forms_hold_exactly_the_original() {
        let text = "the console, the console, the whole console; ".repeat(5000).into_bytes();
        for effort in [Effort::Quick, Effort::Highest] {
            for raw in [text.clone(), Vec::new()] {
                let bundle =
                    all(Files::from([("a.txt".to_owned(), raw.clone())]), effort).expect("compressed");
                let forms = &bundle["a.txt"];
                let (mut gzip, mut brotli) = (Vec::new(), Vec::new());
                flate2::read::GzDecoder::new(&forms.gzip[..]).read_to_end(&mut gzip).expect("gzip");
                brotli::Decompressor::new(&forms.brotli[..], 4096).read_to_end(&mut brotli).expect("brotli");
                assert!(forms.raw == raw && gzip == raw && brotli == raw, "{effort:?}");
                assert!(raw.is_empty() || forms.brotli.len() < raw.len() / 100);
            }
        }
    }
}
