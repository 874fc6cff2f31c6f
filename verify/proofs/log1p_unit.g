# ln(1 + f) for f in [0, 1] as f - s (f - z P(z)), with s = f / (2 + f) and z = s^2. EXACT is ln(1 + f).
#
# Below 2^-60 the products are below 2^-60 f, whether they underflow or not, and the differences round to f: ln(1 + f)
# is within 2^-61 of it.
# case: f = [1b-60, 1]

f = rnd(f_);
s rnd= f / (2 + f);
z rnd= s * s;
zz rnd= z * z;
p4 rnd= ((LOG1P_UNIT_9 * z + LOG1P_UNIT_8) * zz + (LOG1P_UNIT_7 * z + LOG1P_UNIT_6)) * zz + (LOG1P_UNIT_5 * z + LOG1P_UNIT_4);
p rnd= (p4 * zz + (LOG1P_UNIT_3 * z + LOG1P_UNIT_2)) * zz + (LOG1P_UNIT_1 * z + LOG1P_UNIT_0);
# The code adds -z p to f, and -s rest: the same numbers.
zp rnd= z * p;
rest rnd= f - zp;
sr rnd= s * rest;
l rnd= f - sr;

S = f / (2 + f);
Z = S * S;
ZZ = Z * Z;
P4 = ((LOG1P_UNIT_9 * Z + LOG1P_UNIT_8) * ZZ + (LOG1P_UNIT_7 * Z + LOG1P_UNIT_6)) * ZZ + (LOG1P_UNIT_5 * Z + LOG1P_UNIT_4);
P = (P4 * ZZ + (LOG1P_UNIT_3 * Z + LOG1P_UNIT_2)) * ZZ + (LOG1P_UNIT_1 * Z + LOG1P_UNIT_0);
ZP = Z * P;
REST = f - ZP;
SR = S * REST;
L = f - SR;

{ f in %f /\ L -/ EXACT in +-log1p_unit_polynomial
  -> l -/ EXACT in +-log1p_unit }

# Everything in units of f, where the differences have no cancellation.
ZP / f -> (S / (2 + f)) * P { f <> 0, 2 + f <> 0 };
REST -> f * (1 - ZP / f) { f <> 0 };
SR / f -> S * (1 - ZP / f) { f <> 0 };
SR -> f * (SR / f) { f <> 0 };
L -> f * (1 - SR / f) { f <> 0 };
((f - zp) - REST) / REST -> -((zp - ZP) / ZP) * (ZP / f) / (1 - ZP / f) { f <> 0, REST <> 0, ZP <> 0, 1 - ZP / f <> 0 };
((f - sr) - L) / L -> -((sr - SR) / SR) * (SR / f) / (1 - SR / f) { f <> 0, L <> 0, SR <> 0, 1 - SR / f <> 0 };

$ f in 16;
