# Where x >= -0.34, the k of the argument reduction is 0, and so r is x.

MAGIC = 0x1.8p52;
x = rnd(x_);
shifted rnd= x * LOG2_E + MAGIC;
k rnd= shifted - MAGIC;

{ x in [-0.34, 0]
  -> k in +-exp_unreduced }
