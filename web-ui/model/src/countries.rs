//! ISO 3166-1: the countries that a policy can name, as people call them.

use viworks_domain::policy::Country;

/// Code and usual English name, from the time-zone database's `iso3166.tab` (public domain), spelled out where it
/// abbreviates.
const ALL: &str = "\
AD Andorra\n\
AE United Arab Emirates\n\
AF Afghanistan\n\
AG Antigua & Barbuda\n\
AI Anguilla\n\
AL Albania\n\
AM Armenia\n\
AO Angola\n\
AQ Antarctica\n\
AR Argentina\n\
AS Samoa (American)\n\
AT Austria\n\
AU Australia\n\
AW Aruba\n\
AX Åland Islands\n\
AZ Azerbaijan\n\
BA Bosnia & Herzegovina\n\
BB Barbados\n\
BD Bangladesh\n\
BE Belgium\n\
BF Burkina Faso\n\
BG Bulgaria\n\
BH Bahrain\n\
BI Burundi\n\
BJ Benin\n\
BL Saint Barthélemy\n\
BM Bermuda\n\
BN Brunei\n\
BO Bolivia\n\
BQ Caribbean Netherlands\n\
BR Brazil\n\
BS Bahamas\n\
BT Bhutan\n\
BV Bouvet Island\n\
BW Botswana\n\
BY Belarus\n\
BZ Belize\n\
CA Canada\n\
CC Cocos (Keeling) Islands\n\
CD Congo (Democratic Republic)\n\
CF Central African Republic\n\
CG Congo (Republic)\n\
CH Switzerland\n\
CI Côte d'Ivoire\n\
CK Cook Islands\n\
CL Chile\n\
CM Cameroon\n\
CN China\n\
CO Colombia\n\
CR Costa Rica\n\
CU Cuba\n\
CV Cape Verde\n\
CW Curaçao\n\
CX Christmas Island\n\
CY Cyprus\n\
CZ Czechia\n\
DE Germany\n\
DJ Djibouti\n\
DK Denmark\n\
DM Dominica\n\
DO Dominican Republic\n\
DZ Algeria\n\
EC Ecuador\n\
EE Estonia\n\
EG Egypt\n\
EH Western Sahara\n\
ER Eritrea\n\
ES Spain\n\
ET Ethiopia\n\
FI Finland\n\
FJ Fiji\n\
FK Falkland Islands\n\
FM Micronesia\n\
FO Faroe Islands\n\
FR France\n\
GA Gabon\n\
GB United Kingdom\n\
GD Grenada\n\
GE Georgia\n\
GF French Guiana\n\
GG Guernsey\n\
GH Ghana\n\
GI Gibraltar\n\
GL Greenland\n\
GM Gambia\n\
GN Guinea\n\
GP Guadeloupe\n\
GQ Equatorial Guinea\n\
GR Greece\n\
GS South Georgia & the South Sandwich Islands\n\
GT Guatemala\n\
GU Guam\n\
GW Guinea-Bissau\n\
GY Guyana\n\
HK Hong Kong\n\
HM Heard Island & McDonald Islands\n\
HN Honduras\n\
HR Croatia\n\
HT Haiti\n\
HU Hungary\n\
ID Indonesia\n\
IE Ireland\n\
IL Israel\n\
IM Isle of Man\n\
IN India\n\
IO British Indian Ocean Territory\n\
IQ Iraq\n\
IR Iran\n\
IS Iceland\n\
IT Italy\n\
JE Jersey\n\
JM Jamaica\n\
JO Jordan\n\
JP Japan\n\
KE Kenya\n\
KG Kyrgyzstan\n\
KH Cambodia\n\
KI Kiribati\n\
KM Comoros\n\
KN Saint Kitts & Nevis\n\
KP Korea (North)\n\
KR Korea (South)\n\
KW Kuwait\n\
KY Cayman Islands\n\
KZ Kazakhstan\n\
LA Laos\n\
LB Lebanon\n\
LC Saint Lucia\n\
LI Liechtenstein\n\
LK Sri Lanka\n\
LR Liberia\n\
LS Lesotho\n\
LT Lithuania\n\
LU Luxembourg\n\
LV Latvia\n\
LY Libya\n\
MA Morocco\n\
MC Monaco\n\
MD Moldova\n\
ME Montenegro\n\
MF Saint Martin (French)\n\
MG Madagascar\n\
MH Marshall Islands\n\
MK North Macedonia\n\
ML Mali\n\
MM Myanmar (Burma)\n\
MN Mongolia\n\
MO Macau\n\
MP Northern Mariana Islands\n\
MQ Martinique\n\
MR Mauritania\n\
MS Montserrat\n\
MT Malta\n\
MU Mauritius\n\
MV Maldives\n\
MW Malawi\n\
MX Mexico\n\
MY Malaysia\n\
MZ Mozambique\n\
NA Namibia\n\
NC New Caledonia\n\
NE Niger\n\
NF Norfolk Island\n\
NG Nigeria\n\
NI Nicaragua\n\
NL Netherlands\n\
NO Norway\n\
NP Nepal\n\
NR Nauru\n\
NU Niue\n\
NZ New Zealand\n\
OM Oman\n\
PA Panama\n\
PE Peru\n\
PF French Polynesia\n\
PG Papua New Guinea\n\
PH Philippines\n\
PK Pakistan\n\
PL Poland\n\
PM Saint Pierre & Miquelon\n\
PN Pitcairn\n\
PR Puerto Rico\n\
PS Palestine\n\
PT Portugal\n\
PW Palau\n\
PY Paraguay\n\
QA Qatar\n\
RE Réunion\n\
RO Romania\n\
RS Serbia\n\
RU Russia\n\
RW Rwanda\n\
SA Saudi Arabia\n\
SB Solomon Islands\n\
SC Seychelles\n\
SD Sudan\n\
SE Sweden\n\
SG Singapore\n\
SH Saint Helena\n\
SI Slovenia\n\
SJ Svalbard & Jan Mayen\n\
SK Slovakia\n\
SL Sierra Leone\n\
SM San Marino\n\
SN Senegal\n\
SO Somalia\n\
SR Suriname\n\
SS South Sudan\n\
ST São Tomé & Príncipe\n\
SV El Salvador\n\
SX Sint Maarten (Dutch)\n\
SY Syria\n\
SZ Eswatini (Swaziland)\n\
TC Turks & Caicos Islands\n\
TD Chad\n\
TF French Southern Territories\n\
TG Togo\n\
TH Thailand\n\
TJ Tajikistan\n\
TK Tokelau\n\
TL East Timor\n\
TM Turkmenistan\n\
TN Tunisia\n\
TO Tonga\n\
TR Türkiye\n\
TT Trinidad & Tobago\n\
TV Tuvalu\n\
TW Taiwan\n\
TZ Tanzania\n\
UA Ukraine\n\
UG Uganda\n\
UM United States (minor outlying islands)\n\
US United States\n\
UY Uruguay\n\
UZ Uzbekistan\n\
VA Vatican City\n\
VC Saint Vincent & the Grenadines\n\
VE Venezuela\n\
VG Virgin Islands (UK)\n\
VI Virgin Islands (US)\n\
VN Vietnam\n\
VU Vanuatu\n\
WF Wallis & Futuna\n\
WS Samoa (western)\n\
YE Yemen\n\
YT Mayotte\n\
ZA South Africa\n\
ZM Zambia\n\
ZW Zimbabwe";

/// Every country with its name, in the order of their names.
pub fn all() -> Vec<(Country, &'static str)> {
    let mut all = listed().collect::<Vec<_>>();
    all.sort_by_key(|(_, name)| folded(name));
    all
}

/// `Australia`; the code itself where nobody has given it a name.
pub fn name(country: Country) -> String {
    listed()
        .find(|(known, _)| *known == country)
        .map_or_else(|| country.to_string(), |(_, name)| name.to_owned())
}

/// Whether somebody who types this means the country: the beginning of any word of its name, in any case and without
/// accents, or its code.
pub fn matches(country: Country, name: &str, typed: &str) -> bool {
    let typed = folded(typed.trim());
    let name = folded(name);
    let mut words = name
        .char_indices()
        .filter(|(at, _)| name[..*at].chars().next_back().is_none_or(|before| !before.is_alphanumeric()));
    words.any(|(at, _)| name[at..].starts_with(&typed)) || country.to_string().to_lowercase() == typed
}

fn listed() -> impl Iterator<Item = (Country, &'static str)> {
    ALL.lines().filter_map(|line| {
        let (code, name) = line.split_once(' ')?;
        Some((code.parse().ok()?, name))
    })
}

/// Lower case, without the accents that these names have.
fn folded(text: &str) -> String {
    text.chars()
        .flat_map(char::to_lowercase)
        .map(|letter| match letter {
            'å' | 'ã' => 'a',
            'é' => 'e',
            'í' => 'i',
            'ô' | 'ó' => 'o',
            'ü' => 'u',
            'ç' => 'c',
            other => other,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn country(code: &str) -> Country {
        code.parse().expect("a country")
    }

    #[test]
    fn every_line_is_a_country_and_none_is_there_twice() {
        let all = all();
        assert_eq!(all.len(), ALL.lines().count());
        assert_eq!(all.len(), 249, "as many as ISO 3166-1 has");
        assert_eq!(all.iter().map(|(code, _)| code).collect::<BTreeSet<_>>().len(), all.len());
        assert_eq!(all.iter().map(|(_, name)| name).collect::<BTreeSet<_>>().len(), all.len());
    }

    #[test]
    fn they_stand_as_people_look_for_them() {
        let all = all();
        assert_eq!(all[0].1, "Afghanistan");
        assert_eq!(all[1].1, "Åland Islands", "an accent does not send it to the end");
        assert_eq!(name(country("AU")), "Australia");
        assert_eq!(name(country("XX")), "XX");
    }

    #[test]
    fn typing_finds_by_name_and_by_code() {
        let found = |typed: &str| {
            all()
                .into_iter()
                .filter(|(code, name)| matches(*code, name, typed))
                .map(|(code, _)| code.to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(found("austral"), ["AU"]);
        assert_eq!(found(" NZ "), ["NZ"]);
        assert_eq!(found("curacao"), ["CW"]);
        assert_eq!(found("turk"), ["TR", "TM", "TC"]);
        assert_eq!(found("hong k"), ["HK"]);
        assert_eq!(found("").len(), 249);
        assert!(found("atlantis").is_empty());
    }
}
