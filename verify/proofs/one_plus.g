# The denominator of over_one_plus: 1 + t + t_low as a pair. high + lost is 1 + t exactly (Knuth's TwoSum). With t = f /
# 2 that of log_of_parts, whose fast_two_sum gives the same, as 1 is the larger one (Dekker 1971). A sum of the low
# parts that is 0, where Gappa can't divide by it, is exact.

t = rnd(t_);
t_low = rnd(t_low_);
high rnd= 1 + t;
t_part rnd= high - 1;
one_part rnd= high - t_part;
lost rnd= (1 - one_part) + (t - t_part);
low rnd= lost + t_low;

V = (1 + t) + t_low;

{ t in [-0.2, 1b60] /\ t_low / (1 + t) in [-1b-49, 1b-49] /\ (high + lost) - (1 + t) in [0, 0]
  /\ |lost + t_low| in [1b-1074, 1b1023]
  -> (high + low) -/ V in +-one_plus /\ (lost + t_low) / high in [-0x1.2p-49, 0x1.2p-49] }

lost / (1 + t) -> ((high + lost) - (1 + t)) / (1 + t) - (high - (1 + t)) / (1 + t) { 1 + t <> 0 };
(lost + t_low) / high -> (lost / (1 + t) + t_low / (1 + t)) / (1 + (high - (1 + t)) / (1 + t))
  { high <> 0, 1 + t <> 0, 1 + (high - (1 + t)) / (1 + t) <> 0 };
V -> (1 + t) * (1 + t_low / (1 + t)) { 1 + t <> 0 };
((high + low) - V) / V -> (((high + lost) - (1 + t)) / (1 + t)
  + ((low - (lost + t_low)) / (lost + t_low)) * (lost / (1 + t) + t_low / (1 + t))) / (1 + t_low / (1 + t))
  { V <> 0, 1 + t <> 0, lost + t_low <> 0, 1 + t_low / (1 + t) <> 0 };
