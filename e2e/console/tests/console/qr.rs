//! A camera: reads the QR code off a picture of the screen.

use crate::failure::{Done, Failure, fail};

pub fn read(picture: &[u8]) -> Done<String> {
    let (width, height, grey) = grey(picture)?;
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| grey[y * width + x]);
    let grids = image.detect_grids();
    match grids.as_slice() {
        [grid] => {
            grid.decode().map(|(_, text)| text).map_err(|error| Failure(format!("the QR code: {error}")))
        }
        others => fail!("expected one QR code on the screen, saw {}", others.len()),
    }
}

fn grey(picture: &[u8]) -> Done<(usize, usize, Vec<u8>)> {
    let (info, pixels) = crate::pixels::decode(picture)?;
    let grey = pixels.chunks_exact(3).map(|rgb| {
        let [r, g, b] = [rgb[0], rgb[1], rgb[2]].map(u32::from);
        u8::try_from((r * 299 + g * 587 + b * 114) / 1000).unwrap_or(u8::MAX)
    });
    Ok((info.0, info.1, grey.collect()))
}
