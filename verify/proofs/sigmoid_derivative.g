# sigma'(x) = T / (1 + T)^2, with 1 + t (2 + t) for the square, and T as in sigmoid.g.

t = rnd(t_);
v rnd= t / (1 + t * (2 + t));

V = T / (1 + T * (2 + T));

{ t -/ T in +-exp /\ T in [1b-1000, 1]
  -> v -/ V in +-sigmoid_derivative }
