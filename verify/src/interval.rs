//! Outward-rounded interval arithmetic on MPFR numbers.
//!
//! An [`Interval`] is a pair of numbers with the exact real value between them. Every operation rounds its lower end
//! down and its upper end up, so the exact value of a whole expression never leaves the enclosure; how wide that ends
//! up says how much of it is known. An infinite end means "no bound on this side", never an infinite value.

use std::cmp::Ordering;
use std::ops::{Add, Div, Mul, Neg, Sub};

use rug::float::{Round, Special};
use rug::ops::{
    AddAssignRound, AssignRound, DivAssignRound, MulAssignRound, NegAssign, SubAssignRound,
    SubFromRound,
};
use rug::{Assign, Float};

/// Two ends nearer than `2^NARROW` (relative to what matters) are handled by one call of a function and a bound on
/// its slope, instead of by two calls.
const NARROW: i32 = -16;

/// The real numbers from `lo` to `hi`, both included; both ends have the same precision.
///
/// Binary operations round to the precision of their left operand.
///
/// ```
/// use trueloss_verify::interval::Interval;
///
/// let e = Interval::from_f64(1.0, 128).exp();
/// assert!(e.lo() < e.hi() && e.width() < 2.0_f64.powi(-120));
/// assert_eq!(e.approximate(), core::f64::consts::E);
/// ```
#[derive(Clone, Debug)]
pub struct Interval {
    lo: Float,
    hi: Float,
}

/// Turns `lo`, correctly rounded down with the ordering `ord`, into the same value correctly rounded up.
fn set_up(hi: &mut Float, lo: &Float, ord: Ordering) {
    hi.assign(lo);
    if ord != Ordering::Equal {
        hi.next_up();
    }
}

impl Interval {
    /// The interval between two ends; a NaN end (from an unbounded operand) becomes "no bound".
    ///
    /// Panics if the ends are in the wrong order.
    ///
    /// ```
    /// use rug::Float;
    /// use trueloss_verify::interval::Interval;
    ///
    /// let third = Interval::new(Float::with_val(53, 0.33), Float::with_val(53, 0.34));
    /// assert!(third.contains(&(Float::with_val(53, 1) / 3)));
    /// ```
    pub fn new(lo: Float, hi: Float) -> Self {
        let interval = Interval { lo, hi }.bounded_by_nan();
        assert!(
            interval.lo <= interval.hi,
            "the ends of an interval are in the wrong order: {interval:?}"
        );
        interval
    }

    fn bounded_by_nan(mut self) -> Self {
        if self.lo.is_nan() {
            self.lo.assign(Special::NegInfinity);
        }
        if self.hi.is_nan() {
            self.hi.assign(Special::Infinity);
        }
        self
    }

    /// Exactly `x`. A precision below 53 is raised to 53, so that every finite f64 fits.
    ///
    /// Panics if `x` is not finite.
    ///
    /// ```
    /// use trueloss_verify::interval::Interval;
    ///
    /// let tenth = Interval::from_f64(0.1, 128);
    /// assert!(*tenth.lo() == 0.1 && *tenth.hi() == 0.1);
    /// ```
    pub fn from_f64(x: f64, prec: u32) -> Self {
        assert!(
            x.is_finite(),
            "an interval is made of finite numbers, not of {x}"
        );
        let lo = Float::with_val(prec.max(53), x);
        Interval { hi: lo.clone(), lo }
    }

    /// An enclosure of `x` at precision `prec`: exact if it fits.
    pub(crate) fn from_float(x: &Float, prec: u32) -> Self {
        let (lo, ord) = Float::with_val_round(prec.max(53), x, Round::Down);
        let mut hi = Float::new(lo.prec());
        set_up(&mut hi, &lo, ord);
        Interval { lo, hi }
    }

    /// Nothing known: the whole real line.
    pub(crate) fn unbounded(prec: u32) -> Self {
        let prec = prec.max(53);
        Interval {
            lo: Float::with_val(prec, Special::NegInfinity),
            hi: Float::with_val(prec, Special::Infinity),
        }
    }

    /// The lower end.
    ///
    /// ```
    /// use trueloss_verify::interval::Interval;
    ///
    /// // ln(2) = 0.693147180559945309417...
    /// assert!(*Interval::from_f64(2.0, 53).ln().lo() <= std::f64::consts::LN_2);
    /// ```
    pub fn lo(&self) -> &Float {
        &self.lo
    }

    /// The upper end.
    ///
    /// ```
    /// use trueloss_verify::interval::Interval;
    ///
    /// assert!(*Interval::from_f64(2.0, 53).ln().hi() > std::f64::consts::LN_2);
    /// ```
    pub fn hi(&self) -> &Float {
        &self.hi
    }

    /// The precision of the ends, in bits.
    ///
    /// ```
    /// use trueloss_verify::interval::Interval;
    ///
    /// assert_eq!(Interval::from_f64(1.0, 200).prec(), 200);
    /// ```
    pub fn prec(&self) -> u32 {
        self.lo.prec()
    }

    /// `hi - lo`, rounded up.
    ///
    /// ```
    /// use trueloss_verify::interval::Interval;
    ///
    /// let e = |prec| Interval::from_f64(1.0, prec).exp();
    /// assert!(e(200).width() < e(100).width());
    /// ```
    pub fn width(&self) -> Float {
        let mut width = self.hi.clone();
        width.sub_assign_round(&self.lo, Round::Up);
        width
    }

    /// Whether both ends are the same number, which is then the exact value.
    pub(crate) fn is_point(&self) -> bool {
        self.lo == self.hi
    }

    /// Whether this is zero and nothing else.
    pub(crate) fn is_zero(&self) -> bool {
        self.lo.is_zero() && self.hi.is_zero()
    }

    /// Whether both ends are finite.
    pub(crate) fn is_bounded(&self) -> bool {
        self.lo.is_finite() && self.hi.is_finite()
    }

    /// Whether every number in it is >= 0.
    pub(crate) fn is_nonnegative(&self) -> bool {
        self.lo.cmp0() != Some(Ordering::Less)
    }

    /// Whether every number in it is <= 0.
    pub(crate) fn is_nonpositive(&self) -> bool {
        self.hi.cmp0() != Some(Ordering::Greater)
    }

    /// Whether `x` lies inside.
    ///
    /// ```
    /// use rug::Float;
    /// use rug::float::Constant;
    /// use trueloss_verify::interval::Interval;
    ///
    /// let ln_2 = Interval::from_f64(2.0, 64).ln();
    /// assert!(ln_2.contains(&Float::with_val(500, Constant::Log2)));
    /// ```
    pub fn contains(&self, x: &Float) -> bool {
        self.lo <= *x && *x <= self.hi
    }

    /// Whether `other` lies inside.
    #[cfg(test)]
    pub(crate) fn encloses(&self, other: &Interval) -> bool {
        self.lo <= other.lo && other.hi <= self.hi
    }

    /// Whether the two have a number in common.
    pub(crate) fn overlaps(&self, other: &Interval) -> bool {
        self.lo <= other.hi && other.lo <= self.hi
    }

    /// The largest magnitude in it, rounded up to f64.
    ///
    /// ```
    /// use trueloss_verify::interval::Interval;
    ///
    /// let larger = Interval::from_f64(-3.0, 53).max(&Interval::from_f64(-1.0, 53));
    /// assert_eq!(larger.magnitude(), 1.0);
    /// ```
    pub fn magnitude(&self) -> f64 {
        let hi = self.hi.to_f64_round(Round::Up).abs();
        if self.is_point() && self.is_nonnegative() {
            hi
        } else {
            hi.max(self.lo.to_f64_round(Round::Down).abs())
        }
    }

    /// The smallest magnitude in it, rounded down to f64.
    ///
    /// ```
    /// use rug::Float;
    /// use trueloss_verify::interval::Interval;
    ///
    /// let between = |lo, hi| Interval::new(Float::with_val(53, lo), Float::with_val(53, hi));
    /// assert_eq!(between(-3.0, -2.0).mignitude(), 2.0);
    /// assert_eq!(between(-3.0, 2.0).mignitude(), 0.0);
    /// ```
    pub fn mignitude(&self) -> f64 {
        if self.is_nonnegative() {
            self.lo.to_f64_round(Round::Down)
        } else if self.is_nonpositive() {
            -self.hi.to_f64_round(Round::Up)
        } else {
            0.0
        }
    }

    /// A number inside, as f64, for reports.
    ///
    /// ```
    /// use trueloss_verify::interval::Interval;
    ///
    /// assert_eq!(Interval::from_f64(1.0, 128).exp().approximate(), std::f64::consts::E);
    /// ```
    pub fn approximate(&self) -> f64 {
        self.lo.to_f64()
    }

    /// The larger of the two values.
    ///
    /// ```
    /// use trueloss_verify::interval::Interval;
    ///
    /// let floor = Interval::from_f64(-100.0, 128);
    /// assert_eq!(Interval::from_f64(0.0, 128).ln().max(&floor).approximate(), -100.0);
    /// ```
    pub fn max(mut self, other: &Interval) -> Self {
        // An end with more bits than this one's is rounded outward, as all ends are.
        if other.lo > self.lo {
            self.lo.assign_round(&other.lo, Round::Down);
        }
        if other.hi > self.hi {
            self.hi.assign_round(&other.hi, Round::Up);
        }
        self
    }

    /// The smaller of the two values.
    ///
    /// ```
    /// use trueloss_verify::interval::Interval;
    ///
    /// let [one, two] = [1.0, 2.0].map(|x| Interval::from_f64(x, 53));
    /// assert_eq!(two.min(&one).approximate(), 1.0);
    /// ```
    pub fn min(mut self, other: &Interval) -> Self {
        // An end with more bits than this one's is rounded outward, as all ends are.
        if other.lo < self.lo {
            self.lo.assign_round(&other.lo, Round::Down);
        }
        if other.hi < self.hi {
            self.hi.assign_round(&other.hi, Round::Up);
        }
        self
    }

    /// The magnitude of the value.
    ///
    /// ```
    /// use trueloss_verify::interval::Interval;
    ///
    /// assert_eq!(Interval::from_f64(-2.5, 53).abs().approximate(), 2.5);
    /// ```
    pub fn abs(self) -> Self {
        if self.is_nonnegative() {
            return self;
        }
        let negated = -self;
        if negated.is_nonnegative() {
            return negated;
        }
        let hi = if -negated.lo.clone() > negated.hi {
            -negated.lo
        } else {
            negated.hi
        };
        Interval {
            lo: Float::new(hi.prec()),
            hi,
        }
    }

    /// The square: never negative, which `x * x` of an interval around zero would not know.
    ///
    /// ```
    /// use rug::Float;
    /// use trueloss_verify::interval::Interval;
    ///
    /// let x = Interval::new(Float::with_val(53, -1), Float::with_val(53, 2));
    /// assert!(*x.clone().square().lo() == 0.0);
    /// assert!(*(x.clone() * &x).lo() == -2.0);
    /// ```
    pub fn square(self) -> Self {
        let mut x = self.abs();
        x.lo.square_round(Round::Down);
        x.hi.square_round(Round::Up);
        x
    }

    /// e to the power of the value.
    ///
    /// ```
    /// use trueloss_verify::interval::Interval;
    ///
    /// // No exponential is too small for it.
    /// let tiny = Interval::from_f64(-1e6, 128).exp();
    /// assert!(*tiny.lo() > 0.0 && tiny.approximate() == 0.0);
    /// ```
    pub fn exp(mut self) -> Self {
        if self.is_point() {
            let ord = self.lo.exp_round(Round::Down);
            set_up(&mut self.hi, &self.lo, ord);
            return self;
        }
        let mut width = self.width();
        if is_below_power(&width, NARROW) {
            // exp(lo + w) = exp(lo) exp(w), and exp(w) <= 1 + 2w for w in [0, 1].
            let ord = self.lo.exp_round(Round::Down);
            set_up(&mut self.hi, &self.lo, ord);
            width.mul_assign_round(2, Round::Up);
            width.add_assign_round(1, Round::Up);
            self.hi.mul_assign_round(&width, Round::Up);
        } else {
            self.lo.exp_round(Round::Down);
            self.hi.exp_round(Round::Up);
        }
        self
    }

    /// The natural logarithm of a value that is not negative; an interval that touches zero has no lower bound.
    ///
    /// ```
    /// use trueloss_verify::interval::Interval;
    ///
    /// assert_eq!(Interval::from_f64(10.0, 128).ln().approximate(), std::f64::consts::LN_10);
    /// ```
    pub fn ln(mut self) -> Self {
        if self.is_point() {
            let ord = self.lo.ln_round(Round::Down);
            set_up(&mut self.hi, &self.lo, ord);
            return self.bounded_by_nan();
        }
        let mut slope = self.width();
        // ln(lo + w) <= ln(lo) + w/lo.
        slope.div_assign_round(&self.lo, Round::Up);
        if self.lo.is_sign_positive() && is_below_power(&slope, NARROW) {
            let ord = self.lo.ln_round(Round::Down);
            set_up(&mut self.hi, &self.lo, ord);
            self.hi.add_assign_round(&slope, Round::Up);
        } else {
            self.lo.ln_round(Round::Down);
            self.hi.ln_round(Round::Up);
        }
        self.bounded_by_nan()
    }

    /// ln(1 + x) of a value that is not below -1; an interval that touches -1 has no lower bound.
    ///
    /// ```
    /// use trueloss_verify::interval::Interval;
    ///
    /// let x = Interval::from_f64(1e-300, 128);
    /// assert_eq!(x.ln_1p().magnitude(), 1e-300);
    /// ```
    pub fn ln_1p(mut self) -> Self {
        if self.is_point() {
            let ord = self.lo.ln_1p_round(Round::Down);
            set_up(&mut self.hi, &self.lo, ord);
            return self.bounded_by_nan();
        }
        let mut slope = self.width();
        if self.lo > -1 {
            // ln(1 + lo + w) <= ln(1 + lo) + w/(1 + lo).
            let mut one_plus = self.lo.clone();
            one_plus.add_assign_round(1, Round::Down);
            slope.div_assign_round(&one_plus, Round::Up);
            if is_below_power(&slope, NARROW) {
                let ord = self.lo.ln_1p_round(Round::Down);
                set_up(&mut self.hi, &self.lo, ord);
                self.hi.add_assign_round(&slope, Round::Up);
                return self;
            }
        }
        self.lo.ln_1p_round(Round::Down);
        self.hi.ln_1p_round(Round::Up);
        self.bounded_by_nan()
    }

    /// 1 / x of a value whose sign is known.
    ///
    /// ```
    /// use trueloss_verify::interval::Interval;
    ///
    /// let third = Interval::from_f64(3.0, 128).recip();
    /// assert!(third.lo() < third.hi() && third.approximate() <= 1.0 / 3.0);
    /// ```
    pub fn recip(mut self) -> Self {
        assert!(
            !self.touches_zero(),
            "division by an interval that contains zero"
        );
        std::mem::swap(&mut self.lo, &mut self.hi);
        self.lo.recip_round(Round::Down);
        self.hi.recip_round(Round::Up);
        self
    }

    fn touches_zero(&self) -> bool {
        self.is_nonnegative() && self.lo.is_zero()
            || self.is_nonpositive() && self.hi.is_zero()
            || !self.is_nonnegative() && !self.is_nonpositive()
    }

    /// `self += other`, in place.
    pub(crate) fn accumulate(&mut self, other: &Interval) {
        self.lo.add_assign_round(&other.lo, Round::Down);
        self.hi.add_assign_round(&other.hi, Round::Up);
    }

    fn mul_by(mut self, other: &Interval) -> Self {
        if self.is_zero() {
            return self;
        }
        if other.is_zero() {
            self.lo.assign(0);
            self.hi.assign(0);
            return self;
        }
        if self.is_nonpositive() {
            return -(-self).mul_by(other);
        }
        if self.is_nonnegative() {
            if other.is_nonpositive() {
                std::mem::swap(&mut self.lo, &mut self.hi);
            } else if !other.is_nonnegative() {
                self.lo.assign(&self.hi);
            }
            self.lo.mul_assign_round(&other.lo, Round::Down);
            self.hi.mul_assign_round(&other.hi, Round::Up);
        } else if other.is_nonnegative() {
            self.lo.mul_assign_round(&other.hi, Round::Down);
            self.hi.mul_assign_round(&other.hi, Round::Up);
        } else if other.is_nonpositive() {
            std::mem::swap(&mut self.lo, &mut self.hi);
            self.lo.mul_assign_round(&other.lo, Round::Down);
            self.hi.mul_assign_round(&other.lo, Round::Up);
        } else {
            // Both signs on both sides: the extremes are among the products of ends of equal and of unlike signs.
            let (mut crossed, mut negative) = (self.lo.clone(), self.hi.clone());
            crossed.mul_assign_round(&other.lo, Round::Up);
            negative.mul_assign_round(&other.lo, Round::Down);
            self.hi.mul_assign_round(&other.hi, Round::Up);
            self.lo.mul_assign_round(&other.hi, Round::Down);
            if crossed > self.hi {
                self.hi = crossed;
            }
            if negative < self.lo {
                self.lo = negative;
            }
        }
        self.bounded_by_nan()
    }

    fn div_by(mut self, other: &Interval) -> Self {
        assert!(
            !other.touches_zero(),
            "division by an interval that contains zero"
        );
        if other.is_nonpositive() {
            return (-self).div_by(&-other.clone());
        }
        let (low, high) = (
            if self.is_nonnegative() {
                &other.hi
            } else {
                &other.lo
            },
            if self.is_nonpositive() {
                &other.hi
            } else {
                &other.lo
            },
        );
        self.lo.div_assign_round(low, Round::Down);
        self.hi.div_assign_round(high, Round::Up);
        self.bounded_by_nan()
    }
}

/// `x < 2^power`, false for NaN and infinity.
fn is_below_power(x: &Float, power: i32) -> bool {
    x.is_zero() || x.get_exp().is_some_and(|exponent| exponent <= power)
}

impl Neg for Interval {
    type Output = Interval;
    fn neg(mut self) -> Interval {
        std::mem::swap(&mut self.lo, &mut self.hi);
        self.lo.neg_assign();
        self.hi.neg_assign();
        self
    }
}

impl Add<&Interval> for Interval {
    type Output = Interval;
    fn add(mut self, other: &Interval) -> Interval {
        self.accumulate(other);
        self.bounded_by_nan()
    }
}

impl Sub<&Interval> for Interval {
    type Output = Interval;
    fn sub(mut self, other: &Interval) -> Interval {
        self.lo.sub_assign_round(&other.hi, Round::Down);
        self.hi.sub_assign_round(&other.lo, Round::Up);
        self.bounded_by_nan()
    }
}

impl Mul<&Interval> for Interval {
    type Output = Interval;
    fn mul(self, other: &Interval) -> Interval {
        self.mul_by(other)
    }
}

/// Panics if the divisor contains zero.
impl Div<&Interval> for Interval {
    type Output = Interval;
    fn div(self, other: &Interval) -> Interval {
        self.div_by(other)
    }
}

impl Add<i32> for Interval {
    type Output = Interval;
    fn add(mut self, other: i32) -> Interval {
        self.lo.add_assign_round(other, Round::Down);
        self.hi.add_assign_round(other, Round::Up);
        self
    }
}

impl Sub<Interval> for i32 {
    type Output = Interval;
    fn sub(self, mut other: Interval) -> Interval {
        std::mem::swap(&mut other.lo, &mut other.hi);
        other.lo.sub_from_round(self, Round::Down);
        other.hi.sub_from_round(self, Round::Up);
        other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(x: f64) -> Interval {
        Interval::from_f64(x, 128)
    }

    fn between(lo: f64, hi: f64) -> Interval {
        Interval::new(Float::with_val(128, lo), Float::with_val(128, hi))
    }

    /// Forty printed digits, as the interval of the numbers that print so.
    fn digits(text: &str) -> Interval {
        let parse =
            |text: &str, round| Float::with_val_round(128, Float::parse(text).unwrap(), round).0;
        Interval::new(
            parse(text, Round::Down),
            parse(&format!("{text}99"), Round::Up),
        )
    }

    #[test]
    fn constants_of_the_literature() {
        let ln2 = digits("0.6931471805599453094172321214581765680755");
        let e = digits("2.7182818284590452353602874713526624977572");
        let ln10 = digits("2.3025850929940456840179914546843642076011");
        for (ours, printed) in [
            (point(2.0).ln(), &ln2),
            (point(1.0).ln_1p(), &ln2),
            (point(1.0).exp(), &e),
            (point(10.0).ln(), &ln10),
            (point(-0.5).ln_1p(), &-ln2.clone()),
        ] {
            assert!(ours.overlaps(printed), "{ours:?} {printed:?}");
            assert!(ours.width() < 1e-37 && !ours.is_point());
        }
        let ln2 = point(2.0).ln();
        assert!(ln2.exp().contains(&Float::with_val(128, 2)));
        assert!(point(1.0).exp().ln().contains(&Float::with_val(128, 1)));
    }

    #[test]
    fn exact_results_are_points() {
        assert!(
            point(0.0).exp().is_point()
                && point(1.0).ln().is_zero()
                && point(0.0).ln_1p().is_zero()
        );
        let x = (point(0.1) * &point(0.3) - &point(7.0)).square();
        assert!((point(0.1) - &point(0.3)).is_point() && (point(1.0) / &point(8.0)).is_point());
        assert!(!x.is_point(), "106 bits squared do not fit in 128");
        assert!((1 - point(0.3)).is_point() && (point(3.0) + 4).lo().to_f64() == 7.0);
    }

    #[test]
    fn products_and_quotients_of_all_signs() {
        let ends = [-3.0, -1.0, 0.0, 2.0, 5.0];
        let all: Vec<Interval> = ends
            .iter()
            .flat_map(|&lo| {
                ends.iter()
                    .filter(move |&&hi| lo <= hi)
                    .map(move |&hi| between(lo, hi))
            })
            .collect();
        for a in &all {
            for b in &all {
                let corners = |f: &dyn Fn(f64, f64) -> f64| {
                    let at = |i: &Interval| [i.lo().to_f64(), i.hi().to_f64()];
                    let values: Vec<f64> =
                        at(a).iter().flat_map(|&x| at(b).map(|y| f(x, y))).collect();
                    (
                        values.iter().copied().fold(f64::MAX, f64::min),
                        values.iter().copied().fold(f64::MIN, f64::max),
                    )
                };
                let same = |ours: Interval, (lo, hi): (f64, f64)| {
                    // Quotients by 3 and 5 are not exact: the nearest f64 to either end must agree.
                    assert!(
                        ours.lo().to_f64() == lo && ours.hi().to_f64() == hi,
                        "{a:?} {b:?} {ours:?}"
                    );
                };
                same(a.clone() * b, corners(&|x, y| x * y));
                same(a.clone() + b, corners(&|x, y| x + y));
                same(a.clone() - b, corners(&|x, y| x - y));
                if b.lo().to_f64() > 0.0 || b.hi().to_f64() < 0.0 {
                    same(a.clone() / b, corners(&|x, y| x / y));
                }
            }
            let (lo, hi) = (a.lo().to_f64(), a.hi().to_f64());
            let square = a.clone().square();
            assert_eq!(square.hi().to_f64(), (lo * lo).max(hi * hi));
            assert_eq!(
                square.lo().to_f64(),
                if lo * hi <= 0.0 {
                    0.0
                } else {
                    (lo * lo).min(hi * hi)
                }
            );
            assert_eq!(a.magnitude(), lo.abs().max(hi.abs()));
        }
    }

    #[test]
    fn narrow_and_wide_enclose_their_ends() {
        for (lo, hi) in [
            (0.5, 0.5 + 2e-10),
            (0.25, 3.0),
            (1e-9, 1e-9 + 1e-16),
            (-0.75, -0.7499999999),
            (3.0, 40.0),
        ] {
            let x = between(lo, hi);
            let ends = [point(lo), point(hi)];
            for end in ends {
                assert!(x.clone().exp().encloses(&end.clone().exp()));
                assert!(x.clone().ln_1p().encloses(&end.clone().ln_1p()));
                if lo > 0.0 {
                    assert!(x.clone().ln().encloses(&end.clone().ln()));
                }
            }
        }
    }

    #[test]
    fn underflow_and_overflow_stay_enclosed() {
        let tiny = point(-1e308).exp();
        assert!(tiny.lo().is_zero() && *tiny.hi() > 0 && tiny.hi().to_f64() == 0.0);
        let huge = point(1e308).exp();
        assert!(huge.lo().is_finite() && huge.hi().is_infinite() && !huge.is_bounded());
        assert!(!(huge.clone() - &huge).is_bounded());
        assert!((point(0.0) * &huge).is_zero());
        assert!(between(0.0, 1.0).ln().lo().is_infinite());
        assert!((1 + 1) as f64 == 2.0 && tiny.ln_1p().lo().is_zero());
    }

    #[test]
    fn larger_and_smaller_of_more_bits_are_rounded_outward() {
        // At 53 bits one is rounded up by nearest, the other one down.
        for numerator in [1.0, 2.0, -1.0, -2.0] {
            let long = point(numerator) / &point(3.0);
            for prec in [53, 128] {
                let [below, above] = [-1.0, 1.0].map(|x| Interval::from_f64(x, prec));
                for ours in [below.max(&long), above.min(&long)] {
                    assert_eq!(ours.prec(), prec);
                    assert!(ours.encloses(&long), "{ours:?} {long:?}");
                    assert!(ours.width() < 2_f64.powi(1 - prec as i32), "{ours:?}");
                }
            }
        }
    }

    #[test]
    #[should_panic(expected = "contains zero")]
    fn division_by_an_interval_around_zero() {
        let _ = point(1.0) / &between(-1.0, 1.0);
    }
}
