# ln(1 + F) for 1 + F from sqrt(1/2) to sqrt(2), and 2^-50 beyond, for a pair F: log_of_parts where e is 0. With S =
# F / (2 + F), that is 2 S + S Z P(Z). 2 S is F over 1 + F / 2, which one_plus.g and leading_quotient.g have as the sum
# of leading and rest. The value is the sum of leading and tail, which the kernel's last fast_two_sum returns. EXACT is
# ln(1 + F).
#
# The sum of rest and szp is not 0 here: else it is exact. Below 2^-60 the product s z p is below 2^-120 of F, whether
# it underflows or not.
# case: F = [1b-60, 0.41421357]
# case: F = [-0.29289322, -1b-60]

leading = rnd(leading_);
rest = rnd(rest_);
s rnd= 0.5 * (leading + rest);
z rnd= s * s;
zz rnd= z * z;
p2 rnd= ((LOG_7 * z + LOG_6) * zz + (LOG_5 * z + LOG_4)) * zz + (LOG_3 * z + LOG_2);
p rnd= p2 * zz + (LOG_1 * z + LOG_0);
zp rnd= z * p;
szp rnd= s * zp;
tail rnd= rest + szp;

TWO = F / (1 + 0.5 * F);
S = 0.5 * TWO;
Z = S * S;
ZZ = Z * Z;
P2 = ((LOG_7 * Z + LOG_6) * ZZ + (LOG_5 * Z + LOG_4)) * ZZ + (LOG_3 * Z + LOG_2);
P = P2 * ZZ + (LOG_1 * Z + LOG_0);
ZP = Z * P;
SZP = S * ZP;
L = TWO + SZP;

{ F in %F /\ (leading + rest) -/ TWO in +-over_one_plus /\ rest / TWO in [-1b-22, 1b-22]
  /\ |rest + szp| in [1b-1074, 1] /\ L -/ EXACT in +-log_polynomial
  -> (leading + tail) -/ EXACT in +-log_pair_near_1 /\ tail / TWO in [-0.011, 0.011]
  /\ leading in [-0.344, 0.344] /\ tail in [-0.0038, 0.0038] }

# In units of 2 S.
SZP / TWO -> 0.5 * ZP { TWO <> 0 };
L -> TWO * (1 + 0.5 * ZP);
szp / TWO -> (SZP / TWO) * (1 + (szp - SZP) / SZP) { SZP <> 0, TWO <> 0 };
tail / TWO -> (rest / TWO + szp / TWO) * (1 + (tail - (rest + szp)) / (rest + szp)) { rest + szp <> 0, TWO <> 0 };
((leading + tail) - L) / L -> (((leading + rest) - TWO) / TWO + ((szp - SZP) / SZP) * (0.5 * ZP)
  + ((tail - (rest + szp)) / (rest + szp)) * (rest / TWO + szp / TWO)) / (1 + 0.5 * ZP)
  { L <> 0, TWO <> 0, SZP <> 0, rest + szp <> 0, 1 + 0.5 * ZP <> 0 };

$ F in 8;
