# sigma(beta x) where the product has been rounded: as sigmoid.g.
# case: n = 1; N = 1
# case: n = t; N = T

t = rnd(t_);
v rnd= %n / (1 + t);

V = %N / (1 + T);

{ t -/ T in +-exp_of_rounded /\ T in [1b-1000, 1]
  -> v -/ V in +-sigmoid_of_rounded }

(1 + t) - (1 + T) -> ((t - T) / T) * T { T <> 0 };
