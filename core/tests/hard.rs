//! Arguments for which the plain formula is not enough: where exponentials are too small for a pair, where terms cancel, and
//! next to ties. The exact answers are from an arbitrary-precision library (mpmath), rounded to nearest.

use trueloss::activation::softplus_value;
use trueloss::bce_with_logits::{self, gradient};
use trueloss::{Classes, CrossEntropy, Element, Reduction, sigmoid, softplus_derivative};

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

/// Logits, the probabilities of a row's three classes, and the gradient.
type Row<T> = (&'static [T; 3], &'static [T; 3], &'static [T; 3]);

fn check_rows<T: Element>(rows: &[Row<T>], is_near: impl Fn(T, T) -> bool) {
    for (x, probabilities, exact) in rows {
        let loss = CrossEntropy::new().reduction(Reduction::Sum);
        let mut gradient = [T::zero(); 3];
        let input = Classes::new(&x[..], [1, 3]).unwrap();
        loss.backward_probabilities(input, &probabilities[..], T::one(), &mut gradient)
            .unwrap();
        for (j, (answer, exact)) in gradient.into_iter().zip(**exact).enumerate() {
            let error = (answer.widen() - exact.widen()).abs();
            let cancelled = error <= 2_f64.powi(-100) * probabilities[j].widen();
            assert!(
                cancelled || is_near(answer, exact),
                "{x:?}, {probabilities:?}: {answer:?} is not {exact:?}"
            );
        }
    }
}

/// Targets next to the softmax of the logits, so that the terms of a gradient cancel but for their last digits; and
/// exponentials so small that a pair has lost digits of them.
#[test]
fn gradients_of_rows_where_terms_cancel_or_are_tiny() {
    let rows: [Row<f32>; 5] = [
        (
            &[0.5, -1.25, 2.0],
            &[0.17682019, 0.03072674, 0.79245305],
            &[-1.0276199e-08, -4.398693e-10, 1.0716068e-08],
        ),
        (
            &[0.0, -14.0, -3.0],
            &[0.95257336, 7.920921e-07, 0.047425836],
            &[1.3089728e-09, -1.7286836e-14, -1.3089555e-09],
        ),
        (
            &[1.0, -20.0, 0.5],
            &[0.62245935, 4.7198356e-10, 0.37754068],
            &[-2.2638607e-09, -1.9944149e-21, 2.2638607e-09],
        ),
        (
            &[0.0, -30.0, -13.5],
            &[0.9999986, 9.35761e-14, 1.3709572e-06],
            &[-1.3823796e-14, 1.0309177e-21, 1.3823795e-14],
        ),
        (
            &[0.0, -12.0, -12.5],
            &[0.9999901, 6.1441515e-06, 3.7266163e-06],
            &[-3.31862e-14, 7.573395e-14, -4.2547746e-14],
        ),
    ];
    check_rows(&rows, |a, b| a.to_bits().abs_diff(b.to_bits()) <= 1);
    let rows: [Row<f64>; 12] = [
        (
            &[0.5, -1.25, 2.0],
            &[
                0.17682018210744427,
                0.030726740326436432,
                0.7924530775661193,
            ],
            &[
                8.073805374736545e-18,
                -1.4991615457950214e-18,
                -6.574643828941523e-18,
            ],
        ),
        (
            &[0.5, -1.25, 2.0],
            &[0.17682018210744427, 0.03264716159683871, 0.8419813949140017],
            &[
                0.009097175331683412,
                -0.0003395692387555442,
                -0.008757606092927868,
            ],
        ),
        (
            &[0.0, -700.0, -3.0],
            &[
                0.9525741268224333,
                9.39207277442359e-305,
                0.04742587317756678,
            ],
            &[-1.4660849722130557e-18, 6.996e-321, 1.4660849722130557e-18],
        ),
        (
            &[0.0, -700.0, -3.0],
            &[
                0.9525741268224333,
                9.979077322825064e-305,
                0.0503899902511647,
            ],
            &[
                0.0028235412331820047,
                -5.59165345134331e-306,
                -0.0028235412331820047,
            ],
        ),
        (
            &[0.0, -690.0, -710.0],
            &[1.0, 2.171738281389827e-300, 4.47628622567513e-309],
            &[1.44990614e-316, -1.44990614e-316, 0.0],
        ),
        (
            &[0.0, -690.0, -710.0],
            &[1.0, 2.3074719239766912e-300, 4.756054114779824e-309],
            &[
                1.3573364286663208e-301,
                -1.357336425868642e-301,
                -2.79767889104695e-310,
            ],
        ),
        (
            &[0.0, -672.0, -650.0],
            &[1.0, 1.4259626853041525e-292, 5.111951948651156e-283],
            &[
                -2.849121073025952e-299,
                -5.78412197089835e-309,
                2.849121073604364e-299,
            ],
        ),
        (
            &[0.0, -672.0, -650.0],
            &[1.0, 1.515085353135662e-292, 5.431448945441853e-283],
            &[
                3.194969968798192e-284,
                -8.912266783150956e-294,
                -3.194969967906965e-284,
            ],
        ),
        (
            &[0.0, -667.0, -60.0],
            &[1.0, 2.1163162688838255e-290, 8.75651076269652e-27],
            &[
                -3.013197648255243e-43,
                3.6487393289115144e-308,
                3.013197648255243e-43,
            ],
        ),
        (
            &[0.0, -667.0, -60.0],
            &[1.0, 2.2485860356890645e-290, 9.303792685365053e-27],
            &[
                5.472819226685328e-28,
                -1.3226976680523897e-291,
                -5.472819226685328e-28,
            ],
        ),
        (
            &[0.0, -600.0, -580.0],
            &[1.0, 2.6503965530043108e-261, 1.285880161551771e-252],
            &[
                -4.37597157000728e-269,
                6.377342817491395e-278,
                4.3759715636299375e-269,
            ],
        ),
        (
            &[0.0, -600.0, -580.0],
            &[1.0, 2.81604633756708e-261, 1.3662476716487567e-252],
            &[
                8.036751026263545e-254,
                -1.6564978456276934e-262,
                -8.036751009698566e-254,
            ],
        ),
    ];
    check_rows(&rows, is_near);
}

/// k classes of logit 0 and probability q, and l of logit -d and probability p, p/q being next to r = e^-d: the gradients
/// are l t / (k + l r) and -k t / (k + l r), t = p - q r. Of as many classes as are listed, and of more.
#[test]
fn gradients_where_all_terms_of_a_row_cancel() {
    // d, q, p and t, the latter three in units of 2^-`unit`.
    fn check<T: Element>(
        unit: i32,
        rows: [(f64, f64, f64, f64); 4],
        is_near: impl Fn(T, f64) -> bool,
    ) {
        for (d, q, p, t) in rows {
            for (k, l) in [(1, 1), (2, 6), (3, 17), (50, 14), (10, 190)] {
                let classes = k + l;
                let row = |near: f64, far: f64| -> Vec<T> {
                    let far_first = l / 2;
                    let value = |j| {
                        if (far_first..far_first + k).contains(&j) {
                            near
                        } else {
                            far
                        }
                    };
                    (0..classes).map(|j| T::narrow(value(j))).collect()
                };
                let in_units = |x: f64| x * 2_f64.powi(-unit);
                let (x, probabilities) = (row(0.0, -d), row(in_units(q), in_units(p)));
                let mut gradient = vec![T::zero(); classes];
                CrossEntropy::new()
                    .backward_probabilities(
                        Classes::new(&x, [1, classes]).unwrap(),
                        &probabilities,
                        T::one(),
                        &mut gradient,
                    )
                    .unwrap();
                let (k, l) = (k as f64, l as f64);
                let of_one = in_units(t) / (k + l * (-d).exp());
                for (x, gradient) in x.into_iter().zip(gradient) {
                    let exact = if x == T::zero() { l } else { -k } * of_one;
                    assert!(
                        is_near(gradient, exact),
                        "{k} at 0, {l} at -{d}: {gradient:?} is not {exact:e}"
                    );
                }
            }
        }
    }
    let rows = [
        (0.5, 1238221.0, 751019.0, -3.6670408120264015e-08),
        (1.0, 14665106.0, 5394991.0, 3.4180915554785063e-08),
        (2.75, 9736897.0, 622459.0, -7.344523572808565e-09),
        (6.0, 3373875.0, 8363.0, -5.021002455151427e-08),
    ];
    check::<f32>(32, rows, |answer, exact| {
        answer.to_bits().abs_diff((exact as f32).to_bits()) <= 1
    });
    let rows = [
        (0.5, 170218994545.0, 103243039057.0, 1.7271206271777247e-13),
        (1.0, 1098127402131.0, 403978495031.0, 4.331433624321591e-14),
        (2.75, 466742323891.0, 29837838501.0, -2.515173292336636e-14),
        (6.0, 2349192239069.0, 5823065376.0, 3.519387979780471e-14),
    ];
    // 2^-100 of the terms is 2^-14 of what is left.
    check::<f64>(48, rows, |answer, exact| {
        (answer - exact).abs() <= 2_f64.powi(-14) * exact.abs()
    });
}

/// Where the label has the largest logit by far, the loss is what the other exponentials add up to, be they ever so many
/// and small.
#[test]
fn losses_of_labels_that_are_certain() {
    for classes in [2_usize, 40, 300, 1000, 4096] {
        for gap in [8, 15, 22, 29, 36] {
            let below = |j: usize| f64::from(gap) + j as f64 / 1024.0;
            let mut x: Vec<f32> = (0..classes).map(|j| -below(j) as f32).collect();
            x[classes / 2] = 0.0;
            let others = (0..classes).filter(|&j| j != classes / 2);
            let exact = others.map(|j| (-below(j)).exp()).sum::<f64>().ln_1p();
            let input = Classes::new(&x, [1, classes]).unwrap();
            let loss = CrossEntropy::new().forward(input, &[classes / 2]).unwrap();
            let ulps = loss.to_bits().abs_diff((exact as f32).to_bits());
            assert!(ulps <= 1, "{classes}, {gap}: {loss:e} is not {exact:e}");
        }
    }
}

/// Where the label has the largest logit by far, the gradient at it is what the other exponentials add up to.
#[test]
fn gradients_at_labels_that_are_certain() {
    let mut gradient = [0.0_f32; 3];
    for gap in 1..90_u8 {
        let x = [0.0, -f32::from(gap), -f32::from(gap) - 0.75];
        let input = Classes::new(&x[..], [1, 3]).unwrap();
        let loss = CrossEntropy::new();
        loss.backward(input, &[0_i64][..], 1.0, &mut gradient)
            .unwrap();
        let others: f64 = x[1..].iter().map(|&x| f64::from(x).exp()).sum();
        assert_eq!(gradient[0], -(others / (1.0 + others)) as f32, "{gap}");
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
