# ((1 - y) N - c y P) / (1 + T) for f64 x, y between 0 and 1 and c > 0, where N is 1 and P is T for x >= 0, and the
# other way round for x < 0, with T = exp(-|x|), where the difference keeps a quarter of the sum of its terms: else the
# kernel takes double-double.
#
# At y = 0, y = 1 or c = 0 the difference is one of its terms, as it is: sigmoid_pair.g and one more product.
# case: n = 1; N = 1; p = t; P = T; kept = [0.2499, 1]
# case: n = 1; N = 1; p = t; P = T; kept = [-1, -0.2499]
# case: n = t; N = T; p = 1; P = 1; kept = [0.2499, 1]
# case: n = t; N = T; p = 1; P = 1; kept = [-1, -0.2499]

y = rnd(y_);
c = rnd(c_);
negative pair= 1 - y;
positive pair= c * y;
a pair= negative * %n;
b pair= positive * %p;
difference pair= a - b;
v pair= over_one_plus(difference, t);

A = (1 - y) * %N;
B = c * y * %P;
M = A + B;
D = A - B;
V = D / (1 + T);

{ y in [1b-500, 9007199254740991b-53] /\ c in [1b-400, 1b400] /\ t -/ T in +-exp_pair /\ T in [1b-960, 1]
  /\ D / M in %kept
  -> v -/ V in +-bce_with_logits_gradient_pair }

A / M -> 0.5 + 0.5 * (D / M) { M <> 0 };
B / M -> 0.5 - 0.5 * (D / M) { M <> 0 };
(a + b) / M -> 1 + ((a - A) / A) * (A / M) + ((b - B) / B) * (B / M) { A <> 0, B <> 0, M <> 0 };
A / D -> 0.5 / (D / M) + 0.5 { D <> 0, M <> 0, D / M <> 0 };
B / D -> 0.5 / (D / M) - 0.5 { D <> 0, M <> 0, D / M <> 0 };
(difference - D) / D -> ((difference - (a - b)) / (a + b)) * ((a + b) / M) / (D / M)
  + ((a - A) / A) * (A / D) - ((b - B) / B) * (B / D)
  { A <> 0, B <> 0, M <> 0, D <> 0, a + b <> 0, D / M <> 0 };
