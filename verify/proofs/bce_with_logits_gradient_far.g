# The same for |x| > 485: the term with T is below 2^128 2^-699, whatever is lost of it, and 1 + t is 1. The other is
# at least 2^-24 for x >= 0, 2^-298 for x < 0; where it is 0, the gradient is 0 in an f32, also after a weight and a
# grad_output. MAIN is the other term with its sign, REST the term with T.

main = rnd(main_);
rest = rnd(rest_);
difference rnd= main - rest;
v = difference;

M = MAIN + REST;
V = (MAIN - REST) / (1 + T);
SUM = M / (1 + T);

{ main -/ MAIN in [-1b-53, 1b-53] /\ MAIN in [1b-298, 1b128] /\ rest in [0, 1b-569] /\ REST in [0, 1b-569]
  /\ T in [0, 1b-699]
  -> (v - V) / SUM in +-bce_with_logits_gradient }

MAIN / M -> 1 / (1 + REST / MAIN) { MAIN <> 0, M <> 0, 1 + REST / MAIN <> 0 };
((main - rest) - (MAIN - REST)) / M -> ((main - MAIN) / MAIN) * (MAIN / M) - (rest - REST) / M { MAIN <> 0, M <> 0 };
(main - rest) / M -> ((main - rest) - (MAIN - REST)) / M + (2 * (MAIN / M) - 1) { M <> 0 };
difference / M -> (1 + (difference - (main - rest)) / (main - rest)) * ((main - rest) / M) { main - rest <> 0, M <> 0 };
(v - V) / SUM -> ((difference - (main - rest)) / (main - rest)) * ((main - rest) / M)
  + ((main - rest) - (MAIN - REST)) / M + T * (difference / M)
  { main - rest <> 0, M <> 0, SUM <> 0, 1 + T <> 0 };
