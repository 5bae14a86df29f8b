//! `[dashboard]`: what its pages show besides the server's own data.

use super::Key;

/// Settings of the dashboard.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dashboard {
    /// Address of map tiles with `{z}`, `{x}` and `{y}`; without one the map has no background, and no other host is asked.
    pub tile_url: Option<String>,
    /// Whose map this is, as its licence asks to be named.
    pub tile_attribution: Option<String>,
}

impl Dashboard {
    /// Scheme, host and port of the tile server.
    pub fn tile_origin(&self) -> Option<&str> {
        origin(self.tile_url.as_deref()?)
    }
}

/// Scheme, host and port of an address, when nothing in it could mean more in a header.
fn origin(url: &str) -> Option<&str> {
    let host_at = ["https://", "http://"].into_iter().find(|scheme| url.starts_with(scheme))?.len();
    let end = url[host_at..].find('/')? + host_at;
    let host = &url[host_at..end];
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-:[]".contains(c);
    (!host.is_empty() && host.chars().all(plain)).then_some(&url[..end])
}

fn tile_url(text: String) -> Result<Option<String>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    if origin(&text).is_some() && ["{z}", "{x}", "{y}"].iter().all(|part| text.contains(part)) {
        return Ok(Some(text));
    }
    Err(format!(
        "\"{text}\" is no address of map tiles; write one such as https://tiles.example/{{z}}/{{x}}/{{y}}.png"
    ))
}

pub(super) const KEYS: &[Key] = &[
    Key {
        section: "dashboard",
        name: "tile_url",
        set: |config, given| {
            config.dashboard.tile_url = tile_url(given.text()?)?;
            Ok(())
        },
        show: |config| config.dashboard.tile_url.clone().map(Into::into),
    },
    Key {
        section: "dashboard",
        name: "tile_attribution",
        set: |config, given| {
            config.dashboard.tile_attribution = Some(given.text()?).filter(|text| !text.is_empty());
            Ok(())
        },
        show: |config| config.dashboard.tile_attribution.clone().map(Into::into),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_origin_of_tiles_is_scheme_host_and_port() {
        let of = |url: &str| {
            tile_url(url.to_owned()).map(|tile_url| {
                Dashboard { tile_url, tile_attribution: None }.tile_origin().map(ToOwned::to_owned)
            })
        };
        assert_eq!(of("https://tiles.example/{z}/{x}/{y}.png"), Ok(Some("https://tiles.example".into())));
        assert_eq!(of("http://10.0.0.5:8080/m/{z}/{x}/{y}"), Ok(Some("http://10.0.0.5:8080".into())));
        assert_eq!(of(""), Ok(None));
    }

    #[test]
    fn addresses_that_could_widen_the_policy_are_refused() {
        for bad in [
            "tiles.example/{z}/{x}/{y}.png",
            "https://tiles.example/map.png",
            "https:///{z}/{x}/{y}",
            "https://a.example; script-src */{z}/{x}/{y}",
            "https://*.example/{z}/{x}/{y}",
            "https://user:secret@tiles.example/{z}/{x}/{y}",
            "javascript://x/{z}/{x}/{y}",
        ] {
            assert!(tile_url(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
