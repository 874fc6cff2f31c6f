//! Arguments for which the plain formula is not enough: where exponentials are too small for a pair, where terms cancel, and
//! next to ties. The exact answers are from an arbitrary-precision library (mpmath), rounded to nearest.

use trueloss::activation::softplus_value;
use trueloss::bce_with_logits::{self, gradient};
use trueloss::{sigmoid, softplus_derivative};

/// Equal to an exact answer but for its last digit.
fn is_near(answer: f64, exact: f64) -> bool {
    answer.is_sign_negative() == exact.is_sign_negative()
        && answer.to_bits().abs_diff(exact.to_bits()) <= 1
}

#[test]
fn softplus_where_the_exponential_is_tiny() {
    let exact = [
        (-1450.0, 0.5, 0x0000_0000_2109_f7c3),
        (-1489.0, 0.5, 0x0000_0000_0000_0002),
        (-1000.0, 0.72, 0x0000_000d_4d25_dd08),
        (-7.4e302, 1e-300, 0x3b7f_a633_8650_76c0),
        (-1.3e303, 1e-300, 0x0900_da31_a4b3_f088),
        (-7.9e307, 1.5e-305, 0x1460_1b03_1a3b_c3f1),
        (-1.7e308, 8e-306, 0x04a5_c6f1_7e91_90a3),
        (-1.79e308, 8.36e-306, 0x0000_0000_0000_0000),
        (-7.2e-08, 10000000000.0, 0x0000_0000_0000_0004),
        (-7e-298, 1e300, 0x0000_0000_0000_0000),
        (-360.0, 2.0, 0x0000_0004_c9da_6e4b),
        (-372.2, 2.0, 0x0000_0000_0000_0001),
        (-331.0, 3.0, 0x0000_0000_0000_0000),
        (-667.0, 1.000001, 0x03ca_619d_2e32_a554),
        (-710.0, 0.999, 0x0006_8db5_d346_3c3a),
        (-333.0, 2.0001, 0x03d1_59fc_39fc_5334),
        (-1800.0, 0.5, 0x0000_0000_0000_0000),
        (-8.2e-306, 8.7e307, 0x0000_0000_0000_0000),
    ];
    for (x, beta, bits) in exact {
        let (answer, exact) = (softplus_value::<f64>(x, beta), f64::from_bits(bits));
        assert!(
            is_near(answer, exact),
            "{x:e}, beta {beta:e}: {answer:e} is not {exact:e}"
        );
    }
}

/// Of logits, targets and weights: nearly cancelling terms, tiny ones, and weights near both ends.
#[test]
fn gradients_where_terms_cancel_or_are_tiny() {
    let exact = [
        (-720.0, 2.0322308024e-313, 1.0, 0x0000_0000_0000_0000),
        (-700.0, 9.85967654375977e-305, 1.0, 0x0000_0000_0000_00ac),
        (-690.0, 1.0858691406949136e-300, 1.0, 0x01a7_4536_7bea_cec6),
        (-400.0, 1.9151695967140057e-174, 1.0, 0x184c_d859_5a78_ce7a),
        (-300.0, 5.148200222412013e-131, 1.0, 0x2182_f081_eb71_6d99),
        (-20.0, 2.0611536181902037e-09, 1.0, 0xbac8_5a25_a261_0c8d),
        (-0.3, 0.425557483188341, 1.0, 0xbc62_92a3_1d15_8c37),
        (0.3, 0.574442516811659, 1.0, 0xbc8b_5b57_38ba_9cf2),
        (2.5, 0.9241418199787564, 1.0, 0x3c63_b6dd_4e6b_805a),
        (30.0, 0.9999999999999064, 1.0, 0x3c71_f3d5_3834_0ee1),
        (400.0, 0.9999999999999999, 5.8e157, 0xbbf0_fb28_4047_2b4b),
        (400.0, 0.9999999999999999, 5.7968e157, 0x3bb1_b704_fd2d_8ce7),
        (-400.0, 1e-10, 1.9e-164, 0x1b6e_bc4f_431f_7483),
        (-400.0, 1e-10, 1.915e-164, 0x1b05_fdf2_8133_adb5),
        (-720.0, 0.5, 1e300, 0xfe27_e43c_8800_759c),
        (-720.0, 0.5, 1.0, 0xbfe0_0000_0000_0000),
        (-745.0, 1e-300, 1.0, 0x81a5_6e1f_c2f8_f359),
        (720.0, 1.0, 1.0, 0x8000_0009_93b4_dc95),
        (720.0, 1.0, 1e300, 0xbd4c_99e2_1357_581e),
        (730.0, 0.25, 1e308, 0x3fe7_ffff_ffe0_4c73),
        (-730.0, 0.0, 1.0, 0x0000_0000_001c_7ea3),
        (1e-05, 0.0, 1.0, 0x3fe0_0005_3e2d_6239),
        (1e-05, 1.0, 1.0, 0xbfdf_fff5_83a5_3b8f),
        (-1e-05, 1.0, 3.0, 0xbff8_0007_dd44_1355),
        (-2.0, 1.0, 0.1, 0xbfb6_8c64_486e_c7d5),
        (40.0, 0.9999999999999999, 1.0, 0x3c9e_c686_db66_4e5e),
        (40.0, 0.9999999999999999, 26.1327, 0x3b99_38b4_6d8b_0228),
    ];
    for (x, y, pos_weight, bits) in exact {
        let (answer, exact) = (gradient::<f64>(x, y, pos_weight), f64::from_bits(bits));
        let magnitude = (1.0 - y) * sigmoid(x) + pos_weight * y * sigmoid(-x);
        let cancelled = (answer - exact).abs() <= 2_f64.powi(-100) * magnitude;
        assert!(
            cancelled || is_near(answer, exact),
            "{x:e}, {y:e}, pos_weight {pos_weight:e}: {answer:e} is not {exact:e}"
        );
    }
}

/// Near 0, sigma(x) = 1/2 + x/4 - x^3/48 is just off the midpoint of two `f32` at odd multiples of 2^-23, on the side of 1/2.
/// At hard labels every formula that answers it takes it into account.
#[test]
fn sigmoids_next_to_ties() {
    for k in (1_u8..200).step_by(2) {
        let x = f32::from(k) / (1 << 23) as f32;
        // The neighbour on the side of 1/2.
        let exact = 0.5 + f32::from(k - 1) / (1 << 25) as f32;
        assert_eq!(sigmoid(x), exact);
        assert_eq!(softplus_derivative(x), exact);
        assert_eq!(
            bce_with_logits::gradient::<f32>(x.into(), 0.0, 1.0) as f32,
            exact
        );
        assert_eq!(
            bce_with_logits::gradient::<f32>((-x).into(), 1.0, 1.0) as f32,
            -exact
        );
    }
}
