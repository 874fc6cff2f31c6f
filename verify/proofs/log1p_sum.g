# The f of log1p where e is not 0: 1 + x = sum + lost exactly (Knuth's TwoSum), sum = 2^e m, and f is m - 1 plus lost
# 2^-e, which is scaled exactly. At most 2^-53 is lost beside an m of at least sqrt(1/2).

m = rnd(m_);
lost = rnd(lost_);
f rnd= (m - 1) + lost;

F = (m - 1) + lost;

{ m in [0.70710678, 1.41421357] /\ lost in [-1b-53, 1b-53]
  -> f - F in +-log1p_sum }
