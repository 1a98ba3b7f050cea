//! What a page asks the whole site for, where it has not seen much itself.

use crate::profile::options::{Part, Trust};
use crate::profile::shape::Shape;
use crate::profile::value::ValueProfile;

/// What a site knows of a parameter's name or a method, whatever the path.
pub(crate) trait SiteWide {
    /// What its values look like, if it is known somewhere on the site, and how much of the site's
    /// traffic has it.
    fn values(&self, name: &str) -> Option<(&ValueProfile, Part)>;

    /// The same of all values, whatever they are called.
    fn all_values(&self) -> Option<(&ValueProfile, Part)>;

    /// The shape of a value, and whether it is written as visitors write.
    fn shape(&self, value: &[u8], trust: Trust) -> Shape;

    /// How strong a sign a parameter of that name is, as one that hardly any request to the site has.
    fn strength_of_new(&self, name: &str) -> f64;

    /// How strong a sign it is that a parameter comes twice with the same value.
    fn strength_of_double(&self) -> f64;

    /// How many clients came that have never shown that method on any path.
    fn clients_without(&self, method: u8) -> u64;

    /// Whether it is known on the site, be it because it is new on many paths.
    fn is_known(&self, name: &str, trust: Trust) -> bool;
}
