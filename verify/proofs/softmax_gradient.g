# H - N / (1 + S) in the gradient of softmax for f32, as softmax_gradient_pair.g. H is g_j, or g_j - g_m. A sum or a
# difference that is 0, where Gappa can't divide by it, loses nothing more.

g = float<ieee_32, ne>(g_);
c = float<ieee_32, ne>(c_);
others = rnd(others_);
sum = rnd(sum_);
h rnd= g - c;
denominator rnd= others + 1;
dot rnd= sum / denominator;
difference rnd= h - dot;

H = g - c;
DOT = N / (1 + OTHERS);
W = MAG / (1 + OTHERS);
M = |H| + W;
D = H - DOT;

{ denominator -/ (1 + OTHERS) in +-row_denominator /\ OTHERS in [0, 1b45]
  /\ (sum - N) / MAG in +-row_dot /\ N / MAG in [-1, 1] /\ MAG in [1b-900, 1b900]
  /\ H / M in [-1, 1] /\ W / M in [0, 1] /\ (h - dot) / M in [-1.001, 1.001]
  /\ |H| in [1b-149, 1b129] /\ |sum| in [1b-900, 1b901] /\ |h - dot| in [1b-900, 1b1001] /\ M in [1b-900, 1b901]
  -> (difference - D) / M in +-softmax_difference }

(difference - D) / M -> ((difference - (h - dot)) / (h - dot)) * ((h - dot) / M) + ((h - H) / H) * (H / M)
  - ((dot - DOT) / W) * (W / M) { h - dot <> 0, M <> 0, H <> 0, W <> 0 };
(dot - DOT) / W -> ((dot - sum / denominator) / (sum / denominator)) * ((sum / denominator) / W)
  + (sum / denominator - DOT) / W { W <> 0, denominator <> 0, sum / denominator <> 0 };
(sum / denominator) / W -> (N / MAG + (sum - N) / MAG) / (1 + (denominator - (1 + OTHERS)) / (1 + OTHERS))
  { W <> 0, MAG <> 0, denominator <> 0, 1 + OTHERS <> 0, 1 + (denominator - (1 + OTHERS)) / (1 + OTHERS) <> 0 };
(sum / denominator - DOT) / W -> ((sum - N) / MAG - (N / MAG) * ((denominator - (1 + OTHERS)) / (1 + OTHERS)))
  / (1 + (denominator - (1 + OTHERS)) / (1 + OTHERS))
  { W <> 0, MAG <> 0, denominator <> 0, 1 + OTHERS <> 0, 1 + (denominator - (1 + OTHERS)) / (1 + OTHERS) <> 0 };
