//! Tables and polynomials of the fast paths in lanes of `f32`, made by `verify/proofs/lane_tables.py`.
//!
//! Errors are those of the formulas in exact arithmetic, bounded by Sollya's `supnorm`.

/// 16 / ln 2.
pub(crate) const INVERSE_16: f32 = f32::from_bits(0x41b8_aa3b);

/// ln 2 / 16, of 24 bits.
pub(crate) const STEP_16: f32 = f32::from_bits(0x3d31_7218);

/// ln 2 / 16 - `STEP_16`.
pub(crate) const STEP_LOW_16: f32 = f32::from_bits(0xaf02_e308);

/// 2^(i/16), rounded.
pub(crate) const POWER_16: [f32; 16] = [
    f32::from_bits(0x3f80_0000), // 1.000000000e+00
    f32::from_bits(0x3f85_aac3), // 1.044273734e+00
    f32::from_bits(0x3f8b_95c2), // 1.090507746e+00
    f32::from_bits(0x3f91_c3d3), // 1.138788581e+00
    f32::from_bits(0x3f98_37f0), // 1.189207077e+00
    f32::from_bits(0x3f9e_f532), // 1.241857767e+00
    f32::from_bits(0x3fa5_fed7), // 1.296839595e+00
    f32::from_bits(0x3fad_583f), // 1.354255557e+00
    f32::from_bits(0x3fb5_04f3), // 1.414213538e+00
    f32::from_bits(0x3fbd_08a4), // 1.476826191e+00
    f32::from_bits(0x3fc5_672a), // 1.542210817e+00
    f32::from_bits(0x3fce_248c), // 1.610490322e+00
    f32::from_bits(0x3fd7_44fd), // 1.681792855e+00
    f32::from_bits(0x3fe0_ccdf), // 1.756252170e+00
    f32::from_bits(0x3fea_c0c7), // 1.834008098e+00
    f32::from_bits(0x3ff5_257d), // 1.915206552e+00
];

/// d such that 2^(i/16) is e^d times its number in `POWER_16`.
pub(crate) const POWER_REST_16: [f32; 16] = [
    f32::from_bits(0x0000_0000), // 0.000000000e+00
    f32::from_bits(0x3346_cb6a), // 4.628547146e-08
    f32::from_bits(0xb24e_0611), // -1.199215749e-08
    f32::from_bits(0x334b_2481), // 4.729782077e-08
    f32::from_bits(0x3309_2801), // 3.193418152e-08
    f32::from_bits(0x331b_85f2), // 3.621057232e-08
    f32::from_bits(0xb305_1aa9), // -3.099072288e-08
    f32::from_bits(0xb200_6c56), // -7.475213337e-09
    f32::from_bits(0x3293_02ae), // 1.711427089e-08
    f32::from_bits(0xb302_e5a2), // -3.047683350e-08
    f32::from_bits(0x31b3_d0e5), // 5.233334210e-09
    f32::from_bits(0x31d1_daf2), // 6.107591766e-09
    f32::from_bits(0xb27c_e183), // -1.471960598e-08
    f32::from_bits(0xb1b4_b0da), // -5.258795177e-09
    f32::from_bits(0xb1d2_90be), // -6.128259677e-09
    f32::from_bits(0x31b0_a147), // 5.140609272e-09
];

/// q in e^r = 1 + r + r^2 q(r) for |r| <= 0.02167. Relative error at most 2^-37.44.
pub(crate) const EXP_16: [f32; 3] = [
    f32::from_bits(0x3f00_0000), // 5.000000000e-01
    f32::from_bits(0x3e2a_ab8e), // 1.666700542e-01
    f32::from_bits(0x3d2a_aaca), // 4.166678339e-02
];

/// The same with fewer terms. Relative error at most 2^-29.21.
pub(crate) const EXP_SHORT_16: [f32; 2] = [
    f32::from_bits(0x3f00_010f), // 5.000161529e-01
    f32::from_bits(0x3e2a_aacb), // 1.666671485e-01
];

/// 1 / (1 + i/15), rounded.
pub(crate) const CENTRE_16: [f32; 16] = [
    f32::from_bits(0x3f80_0000), // 1.000000000e+00
    f32::from_bits(0x3f70_0000), // 9.375000000e-01
    f32::from_bits(0x3f61_e1e2), // 8.823529482e-01
    f32::from_bits(0x3f55_5555), // 8.333333135e-01
    f32::from_bits(0x3f4a_1af3), // 7.894737124e-01
    f32::from_bits(0x3f40_0000), // 7.500000000e-01
    f32::from_bits(0x3f36_db6e), // 7.142857313e-01
    f32::from_bits(0x3f2e_8ba3), // 6.818181872e-01
    f32::from_bits(0x3f26_f4df), // 6.521739364e-01
    f32::from_bits(0x3f20_0000), // 6.250000000e-01
    f32::from_bits(0x3f19_999a), // 6.000000238e-01
    f32::from_bits(0x3f13_b13b), // 5.769230723e-01
    f32::from_bits(0x3f0e_38e4), // 5.555555820e-01
    f32::from_bits(0x3f09_2492), // 5.357142687e-01
    f32::from_bits(0x3f04_69ee), // 5.172413588e-01
    f32::from_bits(0x3f00_0000), // 5.000000000e-01
];

/// -ln of the numbers in `CENTRE_16`, rounded.
pub(crate) const LN_16: [f32; 16] = [
    f32::from_bits(0x0000_0000), // 0.000000000e+00
    f32::from_bits(0x3d84_2cc6), // 6.453852355e-02
    f32::from_bits(0x3e00_2ac4), // 1.251631379e-01
    f32::from_bits(0x3e3a_b282), // 1.823215783e-01
    f32::from_bits(0x3e72_0fe4), // 2.363887429e-01
    f32::from_bits(0x3e93_4b11), // 2.876820862e-01
    f32::from_bits(0x3eac_4616), // 3.364722133e-01
    f32::from_bits(0x3ec4_178f), // 3.829922378e-01
    f32::from_bits(0x3eda_d9f0), // 4.274439812e-01
    f32::from_bits(0x3ef0_a451), // 4.700036347e-01
    f32::from_bits(0x3f02_c577), // 5.108255744e-01
    f32::from_bits(0x3f0c_cfd6), // 5.500463247e-01
    f32::from_bits(0x3f16_792f), // 5.877866149e-01
    f32::from_bits(0x3f1f_c894), // 6.241543293e-01
    f32::from_bits(0x3f28_c453), // 6.592456698e-01
    f32::from_bits(0x3f31_7218), // 6.931471825e-01
];

/// What the numbers in `LN_16` lack.
pub(crate) const LN_REST_16: [f32; 16] = [
    f32::from_bits(0x0000_0000), // 0.000000000e+00
    f32::from_bits(0xb126_1c60), // -2.417230860e-09
    f32::from_bits(0xb147_b36c), // -2.906030083e-09
    f32::from_bits(0x3122_f936), // 2.371576269e-09
    f32::from_bits(0xb02b_0def), // -6.222923843e-10
    f32::from_bits(0xb26c_b247), // -1.377754355e-08
    f32::from_bits(0xb006_6505), // -4.889247340e-10
    f32::from_bits(0x31df_6c98), // 6.502499872e-09
    f32::from_bits(0xb110_c1f5), // -2.106500974e-09
    f32::from_bits(0xb1bb_1b26), // -5.445502715e-09
    f32::from_bits(0x3225_77e0), // 9.631520470e-09
    f32::from_bits(0x32ac_f8f0), // 2.013663902e-08
    f32::from_bits(0x311f_ac1a), // 2.323537363e-09
    f32::from_bits(0x3246_a325), // 1.156221163e-08
    f32::from_bits(0xb0a7_d2a5), // -1.221071799e-09
    f32::from_bits(0xb102_e308), // -1.904654212e-09
];

/// p in ln(1 + r) = r + r^2 p(r) for |r| <= 0.03334, relative to r. Relative error at most 2^-36.82.
pub(crate) const LN_1P_16: [f32; 5] = [
    f32::from_bits(0xbf00_0000), // -5.000000000e-01
    f32::from_bits(0x3eaa_aaa8), // 3.333332539e-01
    f32::from_bits(0xbe7f_fffa), // -2.499999106e-01
    f32::from_bits(0x3e4d_07b6), // 2.002247274e-01
    f32::from_bits(0xbe2a_e381), // -1.668834835e-01
];

/// The same with fewer terms. Relative error at most 2^-24.48.
pub(crate) const LN_1P_SHORT_16: [f32; 3] = [
    f32::from_bits(0xbeff_ffff), // -4.999999702e-01
    f32::from_bits(0x3eaa_c2d3), // 3.335176408e-01
    f32::from_bits(0xbe80_1935), // -2.501923144e-01
];

/// 8 / ln 2.
pub(crate) const INVERSE_8: f32 = f32::from_bits(0x4138_aa3b);

/// ln 2 / 8, of 24 bits.
pub(crate) const STEP_8: f32 = f32::from_bits(0x3db1_7218);

/// ln 2 / 8 - `STEP_8`.
pub(crate) const STEP_LOW_8: f32 = f32::from_bits(0xaf82_e308);

/// 2^(i/8), rounded.
pub(crate) const POWER_8: [f32; 8] = [
    f32::from_bits(0x3f80_0000), // 1.000000000e+00
    f32::from_bits(0x3f8b_95c2), // 1.090507746e+00
    f32::from_bits(0x3f98_37f0), // 1.189207077e+00
    f32::from_bits(0x3fa5_fed7), // 1.296839595e+00
    f32::from_bits(0x3fb5_04f3), // 1.414213538e+00
    f32::from_bits(0x3fc5_672a), // 1.542210817e+00
    f32::from_bits(0x3fd7_44fd), // 1.681792855e+00
    f32::from_bits(0x3fea_c0c7), // 1.834008098e+00
];

/// d such that 2^(i/8) is e^d times its number in `POWER_8`.
pub(crate) const POWER_REST_8: [f32; 8] = [
    f32::from_bits(0x0000_0000), // 0.000000000e+00
    f32::from_bits(0xb24e_0611), // -1.199215749e-08
    f32::from_bits(0x3309_2801), // 3.193418152e-08
    f32::from_bits(0xb305_1aa9), // -3.099072288e-08
    f32::from_bits(0x3293_02ae), // 1.711427089e-08
    f32::from_bits(0x31b3_d0e5), // 5.233334210e-09
    f32::from_bits(0xb27c_e183), // -1.471960598e-08
    f32::from_bits(0xb1d2_90be), // -6.128259677e-09
];

/// q in e^r = 1 + r + r^2 q(r) for |r| <= 0.04334. Relative error at most 2^-38.42.
pub(crate) const EXP_8: [f32; 4] = [
    f32::from_bits(0x3f00_0000), // 5.000000000e-01
    f32::from_bits(0x3e2a_aaa2), // 1.666665375e-01
    f32::from_bits(0x3d2a_ad1e), // 4.166900367e-02
    f32::from_bits(0x3c09_cc20), // 8.410483599e-03
];

/// The same with fewer terms. Relative error at most 2^-25.20.
pub(crate) const EXP_SHORT_8: [f32; 2] = [
    f32::from_bits(0x3f00_043b), // 5.000645518e-01
    f32::from_bits(0x3e2a_ab30), // 1.666686535e-01
];

/// 1 / (1 + i/7), rounded.
pub(crate) const CENTRE_8: [f32; 8] = [
    f32::from_bits(0x3f80_0000), // 1.000000000e+00
    f32::from_bits(0x3f60_0000), // 8.750000000e-01
    f32::from_bits(0x3f47_1c72), // 7.777777910e-01
    f32::from_bits(0x3f33_3333), // 6.999999881e-01
    f32::from_bits(0x3f22_e8ba), // 6.363636255e-01
    f32::from_bits(0x3f15_5555), // 5.833333135e-01
    f32::from_bits(0x3f09_d89e), // 5.384615660e-01
    f32::from_bits(0x3f00_0000), // 5.000000000e-01
];

/// -ln of the numbers in `CENTRE_8`, rounded.
pub(crate) const LN_8: [f32; 8] = [
    f32::from_bits(0x0000_0000), // 0.000000000e+00
    f32::from_bits(0x3e08_bc74), // 1.335313916e-01
    f32::from_bits(0x3e80_ac48), // 2.513144016e-01
    f32::from_bits(0x3eb6_9e1a), // 3.566749692e-01
    f32::from_bits(0x3ee7_6a99), // 4.519851506e-01
    f32::from_bits(0x3f09_fbad), // 5.389965177e-01
    f32::from_bits(0x3f1e_795a), // 6.190391779e-01
    f32::from_bits(0x3f31_7218), // 6.931471825e-01
];

/// What the numbers in `LN_8` lack.
pub(crate) const LN_REST_8: [f32; 8] = [
    f32::from_bits(0x0000_0000), // 0.000000000e+00
    f32::from_bits(0x3089_f91f), // 1.003886640e-09
    f32::from_bits(0x3225_58a6), // 9.624420372e-09
    f32::from_bits(0xb20d_59c2), // -8.227688753e-09
    f32::from_bits(0xb228_68a7), // -9.802682222e-09
    f32::from_bits(0x3293_2e9e), // 1.713425135e-08
    f32::from_bits(0xb2b0_c3a4), // -2.057806370e-08
    f32::from_bits(0xb102_e308), // -1.904654212e-09
];

/// p in ln(1 + r) = r + r^2 p(r) for |r| <= 0.07144, relative to r. Relative error at most 2^-34.20.
pub(crate) const LN_1P_8: [f32; 6] = [
    f32::from_bits(0xbf00_0000), // -5.000000000e-01
    f32::from_bits(0x3eaa_aaac), // 3.333333731e-01
    f32::from_bits(0xbe7f_ff8f), // -2.499983162e-01
    f32::from_bits(0x3e4c_c676), // 1.999758184e-01
    f32::from_bits(0xbe2b_a4a5), // -1.676202565e-01
    f32::from_bits(0x3e16_39ef), // 1.467053741e-01
];

/// The same with fewer terms. Relative error at most 2^-25.58.
pub(crate) const LN_1P_SHORT_8: [f32; 4] = [
    f32::from_bits(0xbeff_ffd3), // -4.999986589e-01
    f32::from_bits(0x3eaa_aa72), // 3.333316445e-01
    f32::from_bits(0xbe80_8b3a), // -2.510622144e-01
    f32::from_bits(0x3e4d_dc44), // 2.010355592e-01
];
