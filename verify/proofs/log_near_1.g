# ln(1 + f) for 1 + f from sqrt(1/2) to sqrt(2), and 2^-50 beyond, as log1p_unit.g has it but for the polynomial.
# EXACT is ln(1 + f).
#
# Below 2^-60 see there; f = 0 gives 0.
# case: f = [1b-60, 0.41421357]
# case: f = [-0.29289322, -1b-60]

f = rnd(f_);
s rnd= f / (2 + f);
z rnd= s * s;
zz rnd= z * z;
p2 rnd= ((LOG_7 * z + LOG_6) * zz + (LOG_5 * z + LOG_4)) * zz + (LOG_3 * z + LOG_2);
p rnd= p2 * zz + (LOG_1 * z + LOG_0);
# The code adds -z p to f, and -s rest: the same numbers.
zp rnd= z * p;
rest rnd= f - zp;
sr rnd= s * rest;
l rnd= f - sr;

S = f / (2 + f);
Z = S * S;
ZZ = Z * Z;
P2 = ((LOG_7 * Z + LOG_6) * ZZ + (LOG_5 * Z + LOG_4)) * ZZ + (LOG_3 * Z + LOG_2);
P = P2 * ZZ + (LOG_1 * Z + LOG_0);
ZP = Z * P;
REST = f - ZP;
SR = S * REST;
L = f - SR;

{ f in %f /\ L -/ EXACT in +-log_polynomial
  -> l -/ EXACT in +-log_near_1 }

# Everything in units of f, where the differences have no cancellation.
ZP / f -> (S / (2 + f)) * P { f <> 0, 2 + f <> 0 };
REST -> f * (1 - ZP / f) { f <> 0 };
SR / f -> S * (1 - ZP / f) { f <> 0 };
SR -> f * (SR / f) { f <> 0 };
L -> f * (1 - SR / f) { f <> 0 };
((f - zp) - REST) / REST -> -((zp - ZP) / ZP) * (ZP / f) / (1 - ZP / f) { f <> 0, REST <> 0, ZP <> 0, 1 - ZP / f <> 0 };
((f - sr) - L) / L -> -((sr - SR) / SR) * (SR / f) / (1 - SR / f) { f <> 0, L <> 0, SR <> 0, 1 - SR / f <> 0 };

$ f in 16;
