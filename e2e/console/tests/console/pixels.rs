//! PNG files as the browser makes them, and small ones for the documentation.

use crate::failure::{Done, Failure};
use std::{collections::HashMap, io::Cursor};

fn unreadable(error: impl std::fmt::Display) -> Failure {
    Failure(format!("a picture: {error}"))
}

/// Width and height, and red, green and blue of each pixel.
pub fn decode(png: &[u8]) -> Done<((usize, usize), Vec<u8>)> {
    let mut decoder = png::Decoder::new(Cursor::new(png));
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(unreadable)?;
    let mut bytes = vec![0; reader.output_buffer_size().unwrap_or_default()];
    let info = reader.next_frame(&mut bytes).map_err(unreadable)?;
    bytes.truncate(info.buffer_size());
    let samples = info.color_type.samples();
    let rgb = bytes.chunks_exact(samples).flat_map(|pixel| match pixel {
        [r, g, b, ..] => [*r, *g, *b],
        [grey, ..] => [*grey; 3],
        [] => [0; 3],
    });
    Ok(((info.width as usize, info.height as usize), rgb.collect()))
}

/// Colours that nobody tells apart beside each other, as the square of their distance.
const ALIKE: u32 = 12 * 12;

fn away(one: [u8; 3], other: [u8; 3]) -> u32 {
    one.iter().zip(other).map(|(a, b)| u32::from(a.abs_diff(b)).pow(2)).sum()
}

/// 256 colours at most, of all from the most frequent on: first those that look different, so that the shades around
/// large letters do not keep out what only a small mark has; then, as far as there is room, the others.
fn palette(colours: &[[u8; 3]]) -> Vec<[u8; 3]> {
    let mut palette: Vec<[u8; 3]> = Vec::new();
    for apart in [ALIKE, 0] {
        for colour in colours {
            if palette.len() < 256 && palette.iter().all(|known| away(*known, *colour) > apart) {
                palette.push(*colour);
            }
        }
    }
    palette
}

/// The same picture with 256 colours at most, each pixel in the nearest of them. A page has few colours beside the
/// edges of its letters, so that nobody sees a difference.
pub fn with_palette(png: &[u8]) -> Done<Vec<u8>> {
    let ((width, height), rgb) = decode(png)?;
    let mut counts: HashMap<[u8; 3], usize> = HashMap::new();
    for pixel in rgb.chunks_exact(3) {
        *counts.entry([pixel[0], pixel[1], pixel[2]]).or_default() += 1;
    }
    let mut colours: Vec<([u8; 3], usize)> = counts.into_iter().collect();
    // By frequency, then by colour: the same picture gives the same bytes.
    colours.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    let colours: Vec<[u8; 3]> = colours.into_iter().map(|(colour, _)| colour).collect();
    let palette = palette(&colours);
    let mut nearest: HashMap<[u8; 3], u8> = HashMap::new();
    for colour in colours {
        let known = palette.iter().enumerate().min_by_key(|(_, known)| away(**known, colour));
        nearest.insert(colour, known.and_then(|(at, _)| u8::try_from(at).ok()).unwrap_or_default());
    }
    let indices: Vec<u8> = rgb.chunks_exact(3).map(|p| nearest[&[p[0], p[1], p[2]]]).collect();

    let mut out = Vec::new();
    let size = |side: usize| u32::try_from(side).map_err(unreadable);
    let mut encoder = png::Encoder::new(&mut out, size(width)?, size(height)?);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_palette(palette.concat());
    encoder.set_compression(png::Compression::High);
    encoder.set_filter(png::Filter::NoFilter);
    let mut writer = encoder.write_header().map_err(unreadable)?;
    writer.write_image_data(&indices).map_err(unreadable)?;
    writer.finish().map_err(unreadable)?;
    Ok(out)
}
