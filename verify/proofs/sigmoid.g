# sigma(x) = 1 / (1 + T) or T / (1 + T), where T is exp(-|x|) and t what the core has for it.
#
# For |x| <= 693. Beyond, T is below 2^-999: 1 / (1 + t) is 1, and t / (1 + t) is t, both 0 in an f32 or within T of
# 1.
# case: n = 1; N = 1
# case: n = t; N = T

t = rnd(t_);
v rnd= %n / (1 + t);

V = %N / (1 + T);

{ t -/ T in +-exp /\ T in [1b-1000, 1]
  -> v -/ V in +-sigmoid }

(1 + t) - (1 + T) -> ((t - T) / T) * T { T <> 0 };
