# sigma(x) for |x| < 2^-13: 1/2 + x/4, a little closer to 1/2. EXACT is sigma(x).

x = rnd(x_);
v rnd= 1b-1 + x * SLOPE;

V = 1b-1 + x * SLOPE;

{ x in [-1b-13, 1b-13] /\ V - EXACT in +-sigmoid_line /\ EXACT in [0.499, 0.501]
  -> v -/ EXACT in +-sigmoid_near_0 }

v - EXACT -> (v - V) + (V - EXACT);
