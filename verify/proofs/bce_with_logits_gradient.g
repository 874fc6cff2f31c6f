# ((1 - y) N - c y P) / (1 + T) for f32 x, y between 0 and 1 and c > 0, where N is 1 and P is T for x >= 0, and the
# other way round for x < 0, with T = exp(-|x|). The difference may cancel: its error is in units of the sum of the
# terms' magnitudes.
#
# For |x| <= 485. At y = 0, y = 1 or c = 0 the difference is one of its terms, as it is: the same bound, relative; but
# at hard labels and |x| < 2^-13 it is that of sigmoid_near_0.g, times 1 or c. Where a = b it is exact; a - b below
# 2^-1000 in magnitude differs from that by less than 2^-250 of the sum, as one of the terms is at least 2^-724.
# case: n = 1; N = 1; p = t; P = T; d = [1b-1000, 1b200]
# case: n = 1; N = 1; p = t; P = T; d = [-1b200, -1b-1000]
# case: n = t; N = T; p = 1; P = 1; d = [1b-1000, 1b200]
# case: n = t; N = T; p = 1; P = 1; d = [-1b200, -1b-1000]

y = float<ieee_32, ne>(y_);
c = float<ieee_32, ne>(c_);
t = rnd(t_);
negative rnd= 1 - y;
positive rnd= c * y;
a rnd= negative * %n;
b rnd= positive * %p;
difference rnd= a - b;
v rnd= difference / (1 + t);

A = (1 - y) * %N;
B = c * y * %P;
M = A + B;
V = (A - B) / (1 + T);
W = difference / (1 + T);
SUM = M / (1 + T);

{ y in [1b-149, 16777215b-24] /\ c in [1b-149, 1b128] /\ t -/ T in +-exp /\ T in [1b-700, 1] /\ a - b in %d
  -> ((a - b) - (A - B)) / M in +-bce_with_logits_terms /\ (v - V) / SUM in +-bce_with_logits_gradient }

A / M -> 1 - B / M { M <> 0 };
B / M -> 1 / (1 + A / B) { B <> 0, M <> 0, 1 + A / B <> 0 };
((a - b) - (A - B)) / M -> ((a - A) / A) * (A / M) - ((b - B) / B) * (B / M) { A <> 0, B <> 0, M <> 0 };
(a - b) / M -> ((a - b) - (A - B)) / M + (2 * (A / M) - 1) { M <> 0 };
difference / M -> (1 + (difference - (a - b)) / (a - b)) * ((a - b) / M) { a - b <> 0, M <> 0 };
(difference - (A - B)) / M -> ((difference - (a - b)) / (a - b)) * ((a - b) / M) + ((a - b) - (A - B)) / M
  { a - b <> 0, M <> 0 };
(v - V) / SUM -> (difference - (A - B)) / M + ((v - W) / W) * (difference / M) { W <> 0, M <> 0, SUM <> 0, 1 + T <> 0 };
