r"""Pairs of key and answer with the verdict of a careful person, by form: a bug report becomes one more line.

EQUAL and DIFFERENT hold `key | answer` rows; every row is tried both ways round unless it starts with `>`.
"""

EQUAL: dict[str, str] = {
    "integer": r"""
        31 | 31
        31 | 31.
        31 | $31$
        31 | \(31\)
        31 | **31**
        31 | +31
        31 | 31.0
        31 | 031
        -7 | −7
        -7 | $-7$
        -7 | \(-7\)
        -7 | – 7
        0 | -0
        0 | 0.00
        17 | seventeen
        21 | twenty-one
        3000000 | 3 million
        24 | two dozen
        6 | half a dozen
        500000 | half a million
        750000 | three quarters of a million
    """,
    "fraction": r"""
        2/3 | \frac23
        2/3 | \dfrac{2}{3}
        2/3 | \tfrac 23
        2/3 | 4/6
        2/3 | ⅔
        2/3 | (2)/(3)
        2/3 | 2 / 3
        2/3 | 2÷3
        -14/3 | -\frac{14}{3}
        -14/3 | \frac{-14}{3}
        -14/3 | \frac{14}{-3}
        -14/3 | −14⁄3
        1/2 | 0.5
        1/2 | .5
        1/2 | $\frac{1}{2}$
        1/50 | 0.02
        9/4 | 2.25
        209/14,400 | \frac{209}{14400}
        40/41 | \frac{40}{41}.
        \frac{3}{4} | 3/4
        \frac9{19} | 9/19
        \frac 34 | 0.75
        7/1 | 7
    """,
    "mixed": r"""
        2 3/4 | 11/4
        2 3/4 | 2\frac{3}{4}
        2 3/4 | 2¾
        2 3/4 | 2 ¾
        2 3/4 | 2.75
        -2 3/4 | -11/4
        -2 3/4 | -2\frac34
        137 \frac{1}{2} | 137.5
        1\frac{4}{5} | 9/5
        3 1/3 | 10/3
    """,
    "decimal": r"""
        88.67 | 88.67
        .551 | 0.551
        13.10 | 13.1
        2.580 | 2.58
        4.00 | 4
        0.01796 | .01796
        0.01796 | 1.796 \times 10^{-2}
        12.5 | 25/2
        .0000672 | 6.72 \cdot 10^{-5}
        0.1571 | 1571/10000
        2.2\overline{3} | 67/30
        0.\overline{3} | 1/3
        0.1\overline{6} | \frac16
        1.5e3 | 1500
        3.55 | \(3.55\)
    """,
    "comma": r"""
        5,040 | 5040
        5040 | 5{,}040
        5040 | 5,\!040
        5040 | 5\,040
        5040 | 5 040
        13,680 | 13680
        1,073,741,823 | 1073741823
        58,500 | $58{,}500$
        11,\! 111,\! 111,\! 100 | 11111111100
        10,\!080 | 10,080
        1,234.5 | 1234.5
        -1,234 | -1234
    """,
    "money": r"""
        $12.50 | 12.5
        $12.50 | \$12.50
        $12.50 | 12.50 dollars
        \$18.90 | 18.90
        \$32,\!348 | 32348
        \$36 | $36$
        870 | \$870
        5.4 \text{ cents} | 5.4
        5.4 \text{ cents} | 5.4 cents
        5.4 cents | $0.054
        £20 | 20
        -$5 | -5
        $1,825,260 | 1825260
    """,
    "percent": r"""
        20% | 20
        20% | 0.2
        20% | 20\%
        20% | 20 percent
        20% | 1/5
        37.5 | 37.5\%
        37.5 | 37.5%
        0.375 | 37.5\%
        12.5% | 1/8
        100\% | 1
    """,
    "degree": r"""
        30 | 30^\circ
        30 | 30^{\circ}
        30 | 30°
        30 | 30 degrees
        30 | 30 \text{ degrees}
        90^\circ | 90
        \frac{270}7\text{ degrees} | 270/7
        \frac{270}7\text{ degrees} | \frac{270}{7}^\circ
        3060 | 3060^\circ.
        30 degrees (degrees optional) | 30
        45° | 45 deg
    """,
    "units": r"""
        145 | 145 cm
        145 cm | 145 centimeters
        145 cm | 1.45 m
        17 \text{ mph} | 17
        17 mph | 17 miles per hour
        17 mph | 17 mi/h
        3 | 3 hours
        3 hours | 180 minutes
        15\mbox{ cm}^2 | 15
        15\mbox{ cm}^2 | 15 square centimeters
        15\mbox{ cm}^2 | 15 cm²
        864 \mbox{ inches}^2 | 864 square inches
        864 \mbox{ inches}^2 | 864 sq. in.
        24 | 24 square units
        24 | 24 units^2
        7 | 7 nickels
        12 | 12 sides
        550 | 550 gallons
        6 feet | 2 yards
        88.67 | 88.67 ft
        88.67 ft | 88.67 feet
        12\pi | 12\pi \text{ cm}
        5\sqrt{2} | 5\sqrt{2} \text{ units}
        40 | 40 mi.
        15 | \text{15 feet}
        16 | 16\text{ pounds}
        2.5 | 2.5 m/s
        8.56 | 8.56 years
        11 | eleven
        30 | 30 \, \text{cm}
        4 units | 4
        10 | 10 people
        1/2 | 1/2 hour
        3 | 3\text{ apples}
    """,
    "radical": r"""
        36√2 | 36\sqrt{2}
        36√2 | 36\sqrt2
        36√2 | 36*sqrt(2)
        36√2 | 36 sqrt 2
        36√2 | \sqrt{2592}
        36√2 | 36 \cdot \sqrt{2}
        √15 | \sqrt{15}
        √15 | 15^{1/2}
        √15 | 15^(1/2)
        √15 | √(15)
        1 + 2√2 | 2\sqrt2+1
        6 + 3√2 + 12√3 | 6+12\sqrt{3}+3\sqrt{2}
        6 + 3√2 + 12√3 | 3(2+\sqrt2+4\sqrt3)
        20√21 | 20\sqrt{21}
        √3/3 | \frac{1}{\sqrt{3}}
        \frac{\sqrt{3}}{3} | \frac{1}{\sqrt3}
        \frac{\sqrt{21}}{5} | √21/5
        10√59 | \sqrt{5900}
        -4√3 | -4\sqrt{3}
        2√5 | √20
        \sqrt{3+2\sqrt{2}} | 1+\sqrt{2}
        ∛5 | \sqrt[3]{5}
        ³√5 | 5^{1/3}
        ∛16 | 2∛2
        ∜2 | 2^{1/4}
        2√3 | 2 √ 3
        3√17 | \(3\sqrt{17}\)
        √4 | 2
        81√3 | 3^{4.5}
    """,
    "pi": r"""
        3π/4 | \frac{3\pi}{4}
        3π/4 | \frac{3}{4}\pi
        3π/4 | 3pi/4
        3π/4 | 0.75π
        3π/4 | (3/4)π
        5π | 5\pi
        5π | 5 pi
        5π | 5·π
        π | pi
        π | \pi
        18+2\pi | 2π + 18
        \frac{20000}{\pi} | 20000/π
        -\frac{\pi}{6} | -π/6
        288 \pi | 288π
        \frac{\pi^2}{8} | π²/8
        60° | \frac{\pi}{3}
    """,
    "complex": r"""
        17 - 8i | 17-8i
        i-1 | -1+i
        i-1 | -1 + 1i
        6 - 5i | -5i + 6
        1+274i | 274i+1
        -2 + 7i | 7i - 2
        2i | 2\mathrm{i}
        -1 | i^2
    """,
    "symbolic": r"""
        mp/(m + pr) | \frac{mp}{pr+m}
        mp/(m + pr) | \frac{pm}{m + rp}
        k/(2w) | \frac{k}{2w}
        k/(2w) | \frac{1}{2} \cdot \frac{k}{w}
        2x + 5y | 5y+2x
        ¾b√a | \frac{3}{4}b\sqrt{a}
        ¾b√a | \frac{3b\sqrt{a}}{4}
        ¾b√a | 3b√a/4
        e/(e-1) | \frac{e}{e-1}
        e/(e-1) | \frac{1}{1-1/e}
        e/(e-1) | \frac{1}{1-e^{-1}}
        x+3 | 3+x
        (a+5)(b+2) | (b+2)(a+5)
        (a+5)(b+2) | ab+2a+5b+10
        \cot x | \frac{\cos x}{\sin x}
        \cot x | \cot(x)
        \cot x | 1/\tan x
        x^3+3x-6 | x³ + 3x − 6
        6r^2-4r-24 | 2(3r^2-2r-12)
        \frac{11+9a}{20} | (9a+11)/20
        5r^5 | 5 r^5
        2k+2 | 2(k+1)
        3R^2 | 3 R²
        p - q | -q + p
        8n^2 + 4n + 1 | 1 + 4n + 8n**2
        2^{10} | 1024
        5! | 120
        \binom{5}{2} | 10
        |−3| | 3
        \log_2 8 | 3
        \ln e^2 | 2
        \sin 30^\circ | 1/2
        4\log_2 5 | \log_2 625
        \sin^2 x | 1-\cos^2 x
        \sin 2x | 2\sin x\cos x
        x^{-1} | 1/x
        \sqrt{x}\sqrt{x} | x
    """,
    "prefix": r"""
        5 | x = 5
        x=5 | 5
        y = 2x + 3 | 2x+3
        y = 2x + 3 | y=3+2x
        y = -2x | -2x
        7 | n=7
        12 | AB = 12
        12 | \angle ABC = 12^\circ
        12 | f(3) = 12
        0.5 | P(A) = 0.5
        8 | S_8 = 8
        8 | k + w = 8
        10 | \text{Area} = 10
        9 | the value of x = 9
        3060 | 17 × 180° = 3060°
        2.356 | about 2.356
        3π/4 | S = 3π/4 ≈ 2.356
        8.56 | t \approx 8.56
        8.56 | x = \frac{\ln 2}{0.081} \approx 8.56
    """,
    "equation": r"""
        5x - 7y + 11z + 4 = 0 | 5x - 7y + 11z = -4
        5x - 7y + 11z + 4 = 0 | 10x - 14y + 22z + 8 = 0
        5x - 7y + 11z + 4 = 0 | 7y - 5x - 11z = 4
        y = 2x + 3 | 2x - y + 3 = 0
        y = 2x + 3 | y - 2x = 3
        x^2 + y^2 = 25 | y^2 + x^2 - 25 = 0
    """,
    "multi": r"""
        1 and -1/3 | -1/3, 1
        1 and -1/3 | x = 1 and x = -\frac13
        3 or -2 | x = 3 or x = -2
        3 or -2 | -2, 3
        3 or -2 | -2 and 3
        -2, 3 | \{3, -2\}
        -2,1 | {1, -2}
        1,-2 | -2 or 1
        3, 5, 7 | 7, 5, 3
        3, 5, 7 | 3, 5, and 7
        3, 5, 7 | 3,5,7
        3, 5, 7 | [3, 5, 7]
        1 \pm \sqrt{19} | 1+\sqrt{19}, 1-\sqrt{19}
        1 \pm \sqrt{19} | 1 ± √19
        3 \pm 2 \sqrt{2} | 3 - 2\sqrt{2}, 3 + 2\sqrt{2}
        \{1\pm\sqrt{5},-2\} | -2, 1+\sqrt{5}, 1-\sqrt{5}
        \{1\pm\sqrt{5},-2\} | \{-2, 1+\sqrt5, 1-\sqrt5\}
        ±3 | 3, -3
        ±3 | x = \pm 3
        2, 4 | x = 2, 4
        2, 4 | 2; 4
        2, 4 | x=2 \text{ or } x=4
        2, 4 | x_1 = 2, x_2 = 4
        100, 200 | 100,200
        {2,3,7,8} | \{2, 3, 7, 8\}
        {2,3,7,8} | 2, 3, 7, 8
        {5} | 5
        Monday and Tuesday | Tuesday, Monday
        3 and 5 | 5 & 3
    """,
    "alternatives": r"""
        1/2 or 0.5 | 0.5
        1/2 or 0.5 | 1/2
        1/2 or 50% | 1/2
        12 (units not required) | 12 cm
        3.5 (accept 7/2) | 7/2
        36 (sq. in. optional) | 36
        (2, 3) (order matters) | (2,3)
        2√3 or √12 | 2\sqrt{3}
    """,
    "tuple": r"""
        (2, 3) | (2,3)
        (2, 3) | \left(2, 3\right)
        (2, 3) | 2, 3
        (2, 3) | x = 2, y = 3
        (2, 3) | y = 3, x = 2
        (2, 3) | (x, y) = (2, 3)
        (2, 3) | \langle 2, 3 \rangle
        (8,23) | \((8, 23)\).
        (10, 9) | (10,9)
        (-2,7) | (−2, 7)
        (1,-16,-4,43) | (1, -16, -4, 43)
        \left( 3, \frac{\pi}{2} \right) | (3, π/2)
        \left( \frac{3}{2}, -13 \right) | (1.5, -13)
        (4, 3, 4) | (4,3,4)
        (1,234) | (1, 234)
        (6,31,-1) | (6, 31, -1)
        (1,2), (3,4) | (3,4), (1,2)
        (1,2), (3,4) | \{(1,2),(3,4)\}
        (0, 0) and (1, 1) | (1,1), (0,0)
    """,
    "matrix": r"""
        \begin{pmatrix} 1/5 \\ -18/5 \end{pmatrix} | (1/5, -18/5)
        \begin{pmatrix} 1/5 \\ -18/5 \end{pmatrix} | \begin{pmatrix} \frac{1}{5} \\ -\frac{18}{5} \end{pmatrix}
        \begin{pmatrix} 1/5 \\ -18/5 \end{pmatrix} | \begin{bmatrix} 0.2 \\ -3.6 \end{bmatrix}
        \begin{pmatrix} -18 \\ -49 \\ 96 \end{pmatrix} | (-18, -49, 96)
        \begin{pmatrix} -18 \\ -49 \\ 96 \end{pmatrix} | [-18, -49, 96]
        \begin{pmatrix} -18 \\ -49 \\ 96 \end{pmatrix} | \begin{pmatrix} -18 \\[1ex] -49 \\ 96 \end{pmatrix}
        \begin{pmatrix} -1 & 0 \\ 0 & -1 \end{pmatrix} | (-1,0;0,-1)
        \begin{pmatrix} -1 & 0 \\ 0 & -1 \end{pmatrix} | [[-1, 0], [0, -1]]
        \begin{pmatrix} -1 & 0 \\ 0 & -1 \end{pmatrix} | \begin{bmatrix} -1 & 0 \\ 0 & -1 \end{bmatrix}
        \begin{pmatrix} -1 & 0 \\ 0 & -1 \end{pmatrix} | \left[\begin{array}{cc} -1 & 0 \\ 0 & -1 \end{array}\right]
    """,
    "interval": r"""
        (-\infty, 3) | x < 3
        (-\infty, 3) | 3 > x
        (-\infty, 3) | (−∞, 3)
        (-\infty, 3) | x \in (-\infty, 3)
        (3,4] | 3 < x \le 4
        (3,4] | 4 ≥ x > 3
        [1,4) | 1 \leq x < 4
        x \in [-2,7] | [-2, 7]
        x \in [-2,7] | -2 \le x \le 7
        (-\infty, 2) \cup (3, \infty) | x < 2 or x > 3
        (-\infty, 2) \cup (3, \infty) | x<2 \text{ or } x>3
        (-\infty, 2) \cup (3, \infty) | (3,∞) ∪ (−∞,2)
        (2,12) \cup (12,102) | (2,12) ∪ (12,102)
        (0,9) \cup (9,36) | (0,9)\cup(9,36)
        \left[ \frac{\pi^2}{8}, \frac{5 \pi^2}{4} \right] | [π²/8, 5π²/4]
        \left(\frac{3}{5},\frac{8}{3}\right] | (0.6, 8/3]
        (2,\infty) | x > 2
        (5,\infty) | (5, +\infty)
        (-\sqrt{3}, \sqrt{3}) | -\sqrt{3} < x < \sqrt{3}
        (-\infty, 0] | x \leq 0
        (-\infty,\infty) | all real numbers
        \mathbb{R} | all real numbers
        x \ne 3 | (-\infty,3)\cup(3,\infty)
        [2, 5] | 2 ≤ x ≤ 5
    """,
    "ratio": r"""
        2:5 | 2/5
        2:5 | 2 : 5
        2:5 | 2 to 5
        2:5 | 4:10
        2:5 | \frac{2}{5}
        2:5 | 0.4
        6:7 | \(6:7\)
        15:13:12 | 15 : 13 : 12
        15:13:12 | 30:26:24
        2:5 | 2\text{ to }5
    """,
    "base": r"""
        2114five | 2114_5
        2114five | 2114_{\text{five}}
        2114five | 2114_{5}
        2114five | 2114₅
        2114five | 2114 base 5
        2114five | 2114 (base 5)
        2114five | 2114 (base five)
        2114five | 2114_{(5)}
        2114five | (2114)_5
        2114five | 2114
        4343_6 | 4343_{6}
        4343_6 | 4343
        204_5 | 204_{\text{5}}
        11_two | 11_2
        11_two | 11_{\text{two}}
        1A4_{16} | 1a4_{16}
        52_8 | 52 \text{ base } 8
    """,
    "letter": r"""
        D | \text{D}
        D | (D)
        D | \text{(D)}
        D | d
        D | D.
        D | **D**
        D | \textbf{(D)}
        D | \textbf{(D) }12
        D | (D) 12
        D | D) 12
        \text{(B)} | B
        \text{(C)} | C
        \text{(E)} | E
        A | option A
    """,
    "word": r"""
        no solution | No solution.
        no solution | no solutions
        no solution | \text{no solution}
        no solution | \emptyset
        NEVER | Never
        NEVER | never true
        ALWAYS | always
        INSIDE | inside
        INSIDE | inside the circle
        No | no
        No | No, they are not always congruent
        Yes | Yes.
        Thursday | \text{Thursday}
        Thursday | thursday
        Thursday | on Thursday
        Lose 18 | lose 18
        Lose 18 | You lose 18
        Lose 18 | \text{Lose } 18
        Lose 18 | Lose $18
        \text{even} | even
        \text{Evelyn} | Evelyn
        \text{ellipse} | an ellipse
        \text{east} | East
        infinitely many | infinite
        undefined | Undefined
        does not exist | DNE
        north-east | northeast
    """,
    "date": r"""
        March 5 | 5 March
        March 5, 2011 | 5th of March 2011
        3:45 pm | 3:45 P.M.
        March 5, 2020 | 2020-03-05
        3:45 pm | 3:45 p.m.
        4 pm | 4:00 PM
    """,
    "spelling": r"""
        36√2 | √2·36
        √15 | √{15}
        √15 | 15^0.5
        √15 | sqrt15
        √15 | \surd 15
        1 + 2√2 | 1+2*2^(1/2)
        3π/4 | {3\pi \over 4}
        3π/4 | 3\pi/4
        3π/4 | pi*3/4
        3π/4 | {3\pi}/4
        3π/4 | \frac{3}{4} \pi \text{ radians}
        $12.50 | USD 12.50
        $12.50 | 12.50 USD
        $12.50 | $12 1/2
        $12.50 | 12 dollars and 50 cents
        $12.50 | \text{\$}12.50
        1 and -1/3 | x ∈ {1, -1/3}
        1 and -1/3 | x₁ = 1, x₂ = -1/3
        1 and -1/3 | x = 1, -1/3
        1 and -1/3 | 1 or -1/3
        1 and -1/3 | x=1\text{ and }x=-\frac{1}{3}
        1 and -1/3 | \{-\tfrac13,\,1\}
        2 3/4 | 2 + 3/4
        20% | 20 %
        20% | 20 per cent
        20% | .2
        20% | \frac{20}{100}
        (-\infty, 3) | {x | x < 3}
        (-\infty, 3) | \{x \mid x < 3\}
        (-\infty, 3) | \{x : x < 3\}
        (-\infty, 3) | all x < 3
        (-\infty, 3) | x < 3, x \in \mathbb{R}
        (-\infty, 3) | (-inf, 3)
        145 | 145cm
        145 | 145 centimetres
        145 | 145 cm.
        145 | \(145\,\mathrm{cm}\)
        145 | $145\ \text{cm}$
        17 \text{ mph} | 17mph
        17 mph | 17 miles/hour
        2:5 | 2∶5
        2:5 | 2 is to 5
        2:5 | $2:5$
        17 - 8i | -8i+17
        17 - 8i | 17-8\cdot i
        mp/(m + pr) | m p/(m + p r)
        mp/(m + pr) | \frac{m p}{m + p r}
        mp/(m + pr) | mp/(pr+m)
        mp/(m + pr) | \dfrac{mp}{m+rp}
        2114five | 2114 base-5
        2114five | 2114_{\mathrm{five}}
        2114five | 2114_{base 5}
        Lose 18 | lose 18 points
        {2,3,7,8} | S = {2,3,7,8}
        {2,3,7,8} | \left\{2,3,7,8\right\}
        {2,3,7,8} | \lbrace 2,3,7,8 \rbrace
        {2,3,7,8} | 8, 7, 3 and 2
        88.67 | 88.670
        88.67 | 88.67 (2 d.p.)
        88.67 | ≈ 88.67
        88.67 | \approx 88.67 \text{ feet}
        2/3 | 0.666...
        2/3 | 0.(6)
        2/3 | 0.\dot{6}
        2/3 | \frac{2}{3} \approx 0.667
        (2, 3) | (x,y)=(2,3)
        (2, 3) | x=2 \text{ and } y=3
        (2, 3) | point (2,3)
        (2, 3) | (2 ; 3)
        (2, 3) | (2.0, 3.0)
        no solution | \varnothing
        no solution | There is no solution.
        no solution | no real solutions
        no solution | \{\}
        5,040 | 5040.00
        -14/3 | -4 2/3
        -14/3 | -4\frac23
        -14/3 | -(14/3)
        -14/3 | {-14}/{3}
        -14/3 | -14 / 3
        \frac{1}{2} | 1/2
        30 | 30^o
        30 | 30\degree
        30 | \angle = 30^\circ
        3 | 3\text{ hr}
        3 | 3 hrs
        k/(2w) | \frac{k/2}{w}
        k/(2w) | k (2w)^{-1}
        k/(2w) | 0.5k/w
        x+3 | (x+3)
        x+3 | f(x) = x+3
        ALWAYS | It is always true
        INSIDE | inside of the circle
        Thursday | It was a Thursday
        D | D. 1056
        D | option (D)
        D | \mathbf{D}
        D | Choice D
        C | \textbf{(C)}\ 15
        No | No, never
        15:13:12 | 15:13:12.
        2√5 | 2\sqrt{5}\ \text{cm}
        9√3 | 9\sqrt{3} \text{ cm}^2
        13,680 | 13,680 square feet
        100.5 | 100\frac{1}{2}
        e/(e-1) | \frac{e}{e - 1} \approx 1.582
        0.1571 | 15.71\%
        i-1 | -1+\sqrt{-1}
        1383 | 1,383
        10 + 2√2 | 2(5+\sqrt{2})
        \frac{\pi}{3} | 60^\circ
        x^2+3x+2 | (x+1)(x+2)
        y = 2x | x = y/2
        x=2y | y=\frac{x}{2}
        \frac{5}{13} | 5 \over 13
        1.6 \times 10^{-3} | 0.0016
        10! | 3628800
        \frac{a}{b} | a/b
        \frac{-b \pm \sqrt{b^2-4ac}}{2a} | \frac{-b+\sqrt{b^2-4ac}}{2a}, \frac{-b-\sqrt{b^2-4ac}}{2a}
        2\sin\theta | 2\sin(\theta)
        \tan^{-1}(2) | \arctan 2
        3x^2 | 3x²
        \lfloor x \rfloor | ⌊x⌋
        \sqrt[3]{2} | 2^{\frac13}
        \frac{\sqrt{2}}{2} | \frac{1}{\sqrt{2}}
        \log 2 | \log_{10} 2
        \ln 4 | 2 \ln 2
        $5% | 5
        (4, 3, 4) | (h,\;k,\;r) = (4,\;3,\;4)
        4.5 | 4\frac{1}{2}
        421 | 243\sqrt{3} \approx 421
        1/7 | 30/210 = 1/7
    """,
    "quantity": r"""
        2 hours | 120 \text{ minutes}
        1.5 km | 1500 \mathrm{m}
        30 cm | 0.3\text{ meters}
        30 | 30\text{ cm}
        5 kg | 5000 g
        2 m^2 | 20000\text{ cm}^2
        2 m^2 | 20000\text{ cm}^{2}
        3 gallons | 12 quarts
        1 liter | 1000\text{ cm}^3
        60 mph | 88 \text{ ft/s}
        60 mph | 88\text{ feet per second}
        10 m/s | 36\text{ km/h}
        10 m/s | 10 \text{ meters per second}
        9.8 m/s^2 | 9.8\text{ m/s}^2
        32°F | 0^\circ\text{C}
        100 degrees Celsius | 212 degrees Fahrenheit
        20°C | 20 \text{ degrees Celsius}
        20°C | 20
        $3.50 | 350 cents
        $3.50 | 350¢
        £5 | 5
    """,
    "magnitude word": r"""
        $2.5 million | \$2{,}500{,}000
        2500000 | 2.5 \text{ million}
        40 thousand | 40,000
        $40,000 | 40 \text{ thousand dollars}
        $40,000 | \$40k
        $1,200,000 | \$1.2M
        0.07 | 7 \text{ hundredths}
        36 | 3 \text{ dozen}
        125 | 5 \text{ cubed}
        2/3 | two thirds
        5/6 | five sixths
        1/2 | one half
        3.5 | three and a half
        3/4 | three-quarters
    """,
    "remark": r"""
        12 | 12 (nearest whole number)
        8 | 8 \text{ (the larger root)}
        8 | 8 (the larger root, obviously)
        8 | 8 (the larger root; see above)
        8 | 8 (the larger one, obviously)
        8 | 8 (eight)
        8 (accept eight) | 8
        3.5 | 3.5 (three and a half)
    """,
    "counted": r"""
        4 apples | 4
        10 students | 10 people
        7 nickels | 7 coins
        12 red, 8 blue | 8 blue and 12 red
        3 cats, 5 dogs | 5 dogs, 3 cats
        3 cats and 5 dogs | 3 and 5
    """,
    "duration": r"""
        1 hour 15 minutes | 75 minutes
        1 hour 15 minutes | 1.25 hours
        1 hour 15 minutes | 1h15m
        1 hour 15 minutes | 1 \text{ hour and } 15 \text{ minutes}
        1 hour 15 minutes | 1\frac14 \text{ hours}
        90 seconds | 1 minute 30 seconds
        2 days 3 hours | 51 hours
        5 feet 6 inches | 5'6"
        5 feet 6 inches | 66 inches
        5 feet 6 inches | 5.5 ft
        3 dollars and 25 cents | \$3.25
        3 dollars and 25 cents | 325 cents
        1 week 2 days | 9 days
        half an hour | 30 minutes
        two hours and thirty minutes | 150 minutes
    """,
    "clock": r"""
        3:30 PM | 15:30
        3:30 PM | 3:30 p.m.
        3:30 PM | 3:30\text{ PM}
        3:30 PM | 3{:}30\,\text{p.m.}
        3:30 PM | 3:30
        noon | 12:00 PM
        12:00 PM | 12 noon
        5 o'clock | 5:00
        12:00 | 0:00
        12:30 | 0:30
        2:3 | 10:15
    """,
    "per mille": r"""
        5‰ | 0.005
        5‰ | 0.5\%
        5‰ | 5 \text{ per mille}
        12.5% | \frac18
        12.5% | 12.5 \text{ percent}
    """,
    "repeating": r"""
        0.\overline{142857} | 1/7
        1/3 | 0.\overline{3}
        1/3 | 0.\dot{3}
        1/3 | 0.333...
        1/3 | 0.333\ldots
        0.1\overline{6} | 1/6
        0.\overline{45} | 0.454545...
        0.\overline{45} | 0.(45)
        0.\overline{123} | 0.\dot{1}2\dot{3}
    """,
    "scientific": r"""
        6.02 x 10^23 | 6.02 \times 10^{23}
        6.02 x 10^23 | 6.02e23
        6.02 x 10^23 | 6.02E+23
        1.2 × 10⁻⁵ | 0.000012
        1.2e-5 | 1.2 x 10^-5
        1.2e-5 | 1.2 x 10^{-5}
        1.2e-5 | 1.2*10^(-5)
        60 | 12 x 5
        3.0 \times 10^{8} m/s | 3 x 10^8
    """,
    "ordinal": r"""
        5th | 5
        5 | 5^{th}
        21st | 21^{\text{st}}
        21st | twenty-first
        3rd | third
        12 | 12th grade
        12th grade | twelfth grade
        Friday the 13th | Friday, the 13th
        July 4th | July 4
        July 4th | the 4th of July
    """,
    "function value": r"""
        1 | \[ t(g(16)) = 1 \]
        7 | f(g(2)) = 7
        7 | (f \circ g)(2) = 7
        7 | f^{-1}(3) = 7
        7 | f'(2) = 7
    """,
    "union": r"""
        (0,9) \cup (9,36) | (0,9) U (9,36)
        (-\infty, 1) \cup (2, \infty) | (-inf,1) u (2,inf)
    """,
    "points taken out": r"""
        \mathbb{R}\setminus\{1\} | (-\infty,1)\cup(1,\infty)
        \mathbb{R}\setminus\{1\} | x \neq 1
        \mathbb{R}\setminus\{1\} | \mathbb{R} - \{1\}
        \mathbb{R}\setminus\{-2,2\} | x \ne \pm 2
        \mathbb{R}\setminus\{-2,2\} | (-\infty,-2)\cup(-2,2)\cup(2,\infty)
        \mathbb{R}\setminus\{-2,2\} | all real numbers except -2 and 2
        \mathbb{R}\setminus\{-2,2\} | x \in \mathbb{R}, x \ne -2, 2
        \mathbb{R}\setminus\{-2,2\} | \{x \in \mathbb{R} : x \neq 2, x \neq -2\}
        x \ne 0 | all reals except 0
        x \ne 0 | all real numbers except x = 0
        x \ne 0 | \text{all real numbers except } 0
        all real numbers | x \in \mathbb{R}
        all real numbers | (-\infty, \infty)
        (0,\infty) \setminus \{1\} | (0,1) \cup (1,\infty)
        (0,1) \cup (1,\infty) | x > 0, x \ne 1
    """,
    "ways to choose": r"""
        \binom{10}{3} | {10 \choose 3}
        \binom{10}{3} | C(10,3)
        \binom{10}{3} | 10C3
        \binom{10}{3} | _{10}C_3
        \binom{10}{3} | {}_{10}C_{3}
        \binom{10}{3} | {}^{10}C_3
        \binom{10}{3} | C_{10}^{3}
        \binom{10}{3} | C^3_{10}
        \binom{10}{3} | 120
        \binom{10}{3} | 10 choose 3
        \binom{10}{3} | 10 \text{ choose } 3
        \binom{10}{3} | \frac{10!}{3!7!}
        \binom{10}{3} | \dbinom{10}{7}
        720 | P(10,3)
        720 | _{10}P_3
        \binom{n}{2} | \frac{n(n-1)}{2}
        \binom{n}{2} | {n \choose 2}
    """,
    "system": r"""
        x = 1, y = 2 | \begin{cases} x = 1 \\ y = 2 \end{cases}
        x = 1, y = 2 | \left\{\begin{array}{l} x = 1 \\ y = 2 \end{array}\right.
        x = 1, y = 2 | \begin{aligned} x &= 1, \\ y &= 2. \end{aligned}
        (1, 2) | \begin{cases} x = 1 \\ y = 2 \end{cases}
    """,
    "small matrix": r"""
        \begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix} | \begin{bmatrix} 1 & 2 \\ 3 & 4 \end{bmatrix}
        \begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix} | \bigl(\begin{smallmatrix} 1 & 2 \\ 3 & 4 \end{smallmatrix}\bigr)
        \begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix} | \left[\begin{smallmatrix} 1 & 2 \\ 3 & 4 \end{smallmatrix}\right]
        \begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix} | \begin{psmallmatrix} 1 & 2 \\ 3 & 4 \end{psmallmatrix}
        \begin{pmatrix} 2 \\ 4 \end{pmatrix} | 2\begin{pmatrix} 1 \\ 2 \end{pmatrix}
        \begin{pmatrix} -1 \\ -2 \end{pmatrix} | -\begin{pmatrix} 1 \\ 2 \end{pmatrix}
    """,
    "unit vectors": r"""
        \begin{pmatrix} 3 \\ -2 \end{pmatrix} | 3\mathbf{i} - 2\mathbf{j}
        \begin{pmatrix} 3 \\ -2 \end{pmatrix} | 3\hat{i} - 2\hat{j}
        \begin{pmatrix} 3 \\ -2 \end{pmatrix} | 3\hat{\imath} - 2\hat{\jmath}
        (1, 0, -5) | \vec{i} - 5\vec{k}
        \langle 3, -2 \rangle | 3i - 2j
        \langle 1, 1, 1 \rangle | \mathbf i + \mathbf j + \mathbf k
        2\mathbf{i} - \mathbf{j} | -\mathbf{j} + 2\mathbf{i}
    """,
    "distance": r"""
        (-3, 3) | |x| < 3
        [-3, 3] | |x| \le 3
        [-1, 5] | |x-2| \leq 3
        (-\infty,-3)\cup(3,\infty) | |x| > 3
        -2 < x < 3 | |2x-1| < 5
        |x| < 3 | -3 < x < 3
        ]2, 5[ | (2,5)
        (2,5] | ]2,5]
        x \le 3 | x is less than or equal to 3
        x > 2 | x is greater than 2
    """,
    "minutes of arc": r"""
        22.5^\circ | 22^\circ 30'
        22.5^\circ | 22^{\circ}30^{\prime}
        22.5° | 22°30′
        22.5 | 22 degrees 30 minutes
        10°15'30" | 10.258333333333333...
        36°52'12" | 36.87°
    """,
    "family": r"""
        2k\pi, k \in \mathbb{Z} | 2n\pi, n \in \mathbb{Z}
        2k\pi, k \in \mathbb{Z} | x = 2\pi k \text{ for any integer } k
        2k\pi, k \in \mathbb{Z} | x = 2\pi n, \text{ where } n \text{ is an integer}
        2k\pi, k \in \mathbb{Z} | 2\pi k
        2k\pi, k \in \mathbb{Z} | 2k\pi (k \in \mathbb{Z})
        2k\pi, k \in \mathbb{Z} | \{2k\pi \mid k \in \mathbb{Z}\}
        2k\pi, k \in \mathbb{Z} | \{x \mid x = 2k\pi, k \in \mathbb{Z}\}
        2k\pi, k \in \mathbb{Z} | 2(k+1)\pi, k \in \mathbb{Z}
        \frac{\pi}{4} + k\pi, k \in \mathbb{Z} | k\pi - \frac{3\pi}{4}, k \in \mathbb Z
        \frac{\pi}{4} + k\frac{\pi}{2}, k \in \mathbb{Z} | \pm\frac{\pi}{4} + k\pi, k \in \mathbb{Z}
        ±π/3 + 2kπ, k \in \mathbb{Z} | x = \frac{\pi}{3} + 2\pi n or x = -\frac{\pi}{3} + 2\pi n, n \in \mathbb{Z}
        ±π/3 + 2kπ, k \in \mathbb{Z} | x = \frac{\pi}{3} + 2\pi n or x = \frac{5\pi}{3} + 2\pi n, n \in \mathbb{Z}
        3k+1, k \in \mathbb{Z} | 3n-2, n an integer
    """,
    "lettered parts": r"""
        (a) 3 (b) 5 | (a) 3, (b) 5
        (a) 3 (b) 5 | a) 3 b) 5
        (a) 3 (b) 5 | 3, 5
        (a) 3 (b) 5 | (b) 5; (a) 3
        (a) \frac12 (b) 7 | (a) 0.5; (b) 7
        (i) 3 (ii) 5 | (a) 3 (b) 5
        (1) 3 (2) 5 | (1) 3; (2) 5
    """,
    "chinese": r"""
        (2，3) | (2,3)
        （2，3） | (2, 3)
        1、2、3 | 1, 2, 3
        {1，2} | \{1,2\}
        x≥3 | x ≥ 3
        12元 | 12
        12 | 12个
        3小时 | 180分钟
    """,
    "quotes": r"""
        42 | `42`
        42 | "42"
        42 | “42”
        north | 'north'
    """,
    "ellipsis": r"""
        1, 2, \ldots, n | 1, 2, \dots, n
        1, 3, 5, ..., 99 | 1, 3, 5, \cdots, 99
    """,
    "bound letter": r"""
        f(x) = x^2 | f(t) = t^2
        g(n) = 3n - 1 | g(x)=3x-1
    """,
    "identity": r"""
        (x+1)^2 = x^2+2x+1 | (x+1)^2 = x^2 + 2x + 1
    """,
    "second round": r"""
        8 years | 8 \text{ years old}
        5 gallons | 5 \text{ gallons of water}
        3 hours | 3 \text{ hours later}
        24 in | 2\text{ ft}
        0.5 acre | 21780 square feet
        1 ton | 1
        4.5 million dollars | \$4{,}500{,}000
        4.5 million dollars | 4500000
        12 square meters | 12 \text{ m}^2
        12 square meters | 12\ m²
        12 square meters | 12 sq m
        55 mi/hr | 55 \text{ miles per hour}
        55 mi/hr | 55 \text{ mph}
        100 meters | 100 \text{ metres}
        15 | 15 \, \text{m/s}
        2 pounds | 32 \text{ ounces}
        3 weeks | 21 \text{ days}
        45 minutes | \frac34 \text{ hour}
        45 minutes | three quarters of an hour
        1/4 mile | 1320 feet
        \frac{2}{3} \text{ hours} | 40 \text{ minutes}
        5\pi \text{ cm} | 5\pi
        5\pi \text{ cm} | 50\pi \text{ mm}
        300 km | 3 \times 10^5 \text{ m}
        37°C | 98.6°F
        -40°C | -40^\circ F
        10 dimes | 10
        9 am | 9:00 a.m.
        9 pm | 21:00
        8:05 | 8:05 AM
        2 hr 5 min | 125 min
        2 hours, 5 minutes, and 30 seconds | 7530 s
        3 ft 4 in | 40 in
        6 lb 4 oz | 100 oz
        \frac{1}{3} | 0.\overline{3}
        \frac{41}{333} | 0.\overline{123}
        \frac{7}{12} | 0.58\overline{3}
        0.\overline{9} | 1
        1.2\overline{34} | 1.2343434...
        7.2 × 10^4 | 72000
        7.2 × 10^4 | 7.2 \cdot 10^4
        7.2 × 10^4 | 7.2E4
        7.2 × 10^4 | 72{,}000
        5e-7 | 5 \times 10^{-7}
        5e-7 | 0.0000005
        -3.2 \times 10^{-2} | -0.032
        3 x 4 | 12
        1st | first
        1st | 1^{\mathrm{st}}
        8th | 8
        32nd | 32
        the 5th day | 5
        Monday the 5th | Monday, the 5th
        4 boys and 6 girls | 6 girls and 4 boys
        4 boys and 6 girls | 4 boys, 6 girls
        4 boys and 6 girls | boys: 4, girls: 6
        4 boys and 6 girls | 4 \text{ boys}, 6 \text{ girls}
        x = 2, y = 3 | y = 3 \text{ and } x = 2
        Alice: 5, Bob: 7 | Bob: 7, Alice: 5
        A = 3, B = 4 | B = 4, A = 3
        5 adult tickets and 3 child tickets | 3 child tickets and 5 adult tickets
        true | \text{True}
        Yes | \boxed{\text{Yes}}
        5 | \text{exactly } 5
        5 | \text{approximately } 5
        x < 5 | x \text{ is less than } 5
        3 \pmod 7 | 3 mod 7
        3 \pmod 7 | 3 (mod 7)
        x \equiv 3 \pmod{7} | x ≡ 3 (mod 7)
        (x+1)(x-2) | x^2 - x - 2
        \frac{x}{2} + \frac{1}{3} | \frac{3x+2}{6}
        |x-1| | |1-x|
        \log_2(8) | 3
        2\ln 3 | \ln 9
        e^{\ln 5} | 5
        \sqrt[3]{27} | 3
        2^{10} | 1024
        \frac{1}{2^{50}} | 2^{-50}
        10^{-20} | 1e-20
        \infty | +\infty
        \{1,2,3\} | \{3,2,1\}
        \{1,2,3\} | 1, 2, and 3
        \emptyset | \{\}
        \emptyset | \varnothing
        \emptyset | no solution
        [2, \infty) | x \geq 2
        [2, \infty) | 2 \le x < \infty
        (1, 5) | \{x \mid 1 < x < 5\}
        y = 2x + 1 | 2x - y + 1 = 0
        x^2+y^2=9 | x^2 + y^2 - 9 = 0
    """,
    "second hunt": r"""
        3x - 1 | 3 x - 1
        2x(x+1) | 2 x (x+1)
        4x(2x-1) | 4 x (2 x - 1)
        3x^2 - 2x - 5 | 3 x^2 - 2 x - 5
        12(x-1) | 12 (x - 1)
        -27a - 24 | -3*(9*a+8)
        x = 60 | x = 12 x 5
        24 | 2 x 3 x 4
        9 | 3 X 3
        2x\sin x + x^2\cos x | 2xsin(x) + x^2cos(x)
        \sin^2 x | \sin(x)^2
        e^{2x} | \exp(x)^2
        \cosh^2 x - 1 | \sinh^2 x
        y = kx | y = k x
        f(x) = cx | f(x) = c x
        I = PRT | I = P R T
        xy | yx
        f(x) = cx | f(x) = cx \text{ for any constant } c
        f(x) = x + c | f(x)=x+c, \text{ where } c \text{ is a constant}
        f(x) = 2x | f(x)=2x \quad \forall x \in \mathbb{R}
        Ce^{2x} | y = Ce^{2x}, \text{ where } C \text{ is an arbitrary constant}
        x = 2 | \colorbox{aqua}{x=2}
        x^2 | \fcolorbox{green}{white}{$x^2$}
        5 | \textcolor{red}{5}
        5 | {\color{#ff0000}5}
        5 | \textcolor[rgb]{1,0,0}{5}
        5 | \underline{\underline{5}}
        5 | \Large 5
        5 | 5 \tag{1}
        \frac12 | \frac{1}{2}\;\blacksquare
        3/4 | ³⁄₄
        11/4 | 2³⁄₄
        3/4 | {}^3\!/\!_4
        \begin{pmatrix} 2 & 7 \\ 3 & 5 \end{pmatrix} | A = \begin{array} { l l } {2} & 7 \\ 3 & 5 \end{array}
        \begin{pmatrix} 2 & 7 \\ 3 & 5 \end{pmatrix} | (\begin{pmatrix} 2 & 7 \\ 3 & 5 \\\end{pmatrix})
        2x+4y-3=0 | y = -1/2*x + 3/4
        4\sqrt2 | 4\sqrt(2)
        \frac{q}{2}\left[\frac{1}{\left[(x-a)^2+b^2\right]^{3/2}}\right] | E(x, +0, z) = \frac{q}{2((x-a)^2+b^2)^{3/2}}
        E | E: A risk score
        E | E - A risk score
        E | \text{E. A risk score}
        a/b | \frac a b
    """,
}

DIFFERENT: dict[str, str] = {
    "number": r"""
        31 | 13
        31 | -31
        31 | 31.5
        31 | 310
        31 | 3
        31 | 3.1
        31 | 31^2
        31 | 31!
        31 | 31i
        5040 | 504
        5,040 | 5.040
        5,040 | 5, 40
        68000 | $68
        68000 | 68
        0 | O
        1000000 | 1 thousand
    """,
    "fraction": r"""
        2/3 | 3/2
        2/3 | 0.667
        2/3 | 0.6667
        2/3 | 0.66666666
        2/3 | 2
        2/3 | 2,3
        2/3 | 23
        -14/3 | 14/3
        209/14,400 | 209/14
        209/14,400 | 209/14400000
        1/2 | 1/20
        5/28 | 28/5
        1/3 | .3333333333
    """,
    "mixed": r"""
        2 3/4 | 23/4
        2 3/4 | 2, 3/4
        2 3/4 | 3/2
        2 3/4 | 2 \cdot \frac34
        -2 3/4 | -5/4
        2\frac{3}{4} | \frac{6}{4}
    """,
    "decimal": r"""
        0.3333 | 1/3
        88.67 | 8867
        88.67 | 88.7
        88.67 | 88.668
        8.56 | 8.557
        .551 | 551
        4.00 | 400
        1.618 | \frac{1+\sqrt5}{2}
        3.14 | π
        0.\overline{3} | 0.3
        13.10 | 13.01
    """,
    "percent": r"""
        20% | 2
        20% | 0.02
        20% | 20/3
        20 | 0.2
        50% | 5
    """,
    "units": r"""
        145 cm | 145 m
        145 cm | 145 cm^2
        3 hours | 3 minutes
        3 hours | 3 days
        17 mph | 17 km
        12 cm^2 | 12 cm^3
        2x | 2
        15m | 15
        $5 | 5 cents
        6 feet | 6 inches
    """,
    "radical": r"""
        36√2 | 36√3
        36√2 | 36
        36√2 | 362
        36√2 | 36 + √2
        36√2 | 38√2
        36√2 | 36^{\sqrt2}
        36√2 | 50.91
        √15 | 15
        √15 | -√15
        √15 | √51
        √15 | ∛15
        1 + 2√2 | 3√2
        1 + 2√2 | 1 - 2√2
        6 + 3√2 + 12√3 | 6 + 3√2 + 12√2
        2√61 | √61
        √53 | 53
        \frac{\sqrt{3}}{3} | \sqrt{3}
        ∛5 | 3√5
        \sqrt{3+2\sqrt{2}} | 1 + \sqrt{3}
    """,
    "pi": r"""
        5π | 5
        5π | π
        5π | π^5
        5π | 15.7
        5π | 15.70796
        3π/4 | 4π/3
        3π/4 | 3/4
        18+2\pi | 20\pi
        π | 3
        90 | \frac{\pi}{2}
    """,
    "complex": r"""
        17 - 8i | 17+8i
        17 - 8i | 17 - 8
        17 - 8i | 8 - 17i
        i-1 | 1-i
        i | 1
        i | -i
    """,
    "symbolic": r"""
        k/(2w) | \frac{kw}{2}
        k/(2w) | k/2
        2x + 5y | 2x
        2x + 5y | 5x + 2y
        2x + 5y | 2x - 5y
        2x + 5y | 7xy
        mp/(m + pr) | mp/m + pr
        mp/(m + pr) | \frac{m}{m+pr}
        ¾b√a | \frac{3}{4}a\sqrt{b}
        ¾b√a | \frac{3b}{4\sqrt{a}}
        e/(e-1) | e/(e+1)
        x+3 | x-3
        x+3 | y+3
        3R^2 | 3r^2
        R - r | r - R
        p - q | q - p
        2k | 2^k
        5r^5 | 5r^4
        \cot x | \tan x
        \sin 2x | 2\sin x
        \sqrt{x^2} | x
        x | |x|
        2k+2 | 2k
        x^2 | 2x
        \log_2 5 | \log_5 2
    """,
    "prefix": r"""
        x = 5 | y = 5
        5 | x = -5
        y = 2x + 3 | y = 2x - 3
        y = 2x + 3 | y = 3x + 2
        y = 2x + 3 | x = 2y + 3
        5 | x^2 = 5
        5 | x > 5
        3π/4 | ≈ 2.356
    """,
    "equation": r"""
        5x - 7y + 11z + 4 = 0 | 5x - 7y + 11z - 4 = 0
        5x - 7y + 11z + 4 = 0 | 5x + 7y + 11z + 4 = 0
        x^2 + y^2 = 25 | x^2 + y^2 = 5
        x^2 + y^2 = 25 | x + y = 5
    """,
    "multi": r"""
        1 and -1/3 | 1
        1 and -1/3 | 1, 1/3
        1 and -1/3 | 1, -1/3, 0
        3 or -2 | 3
        3 or -2 | 3, 2
        {2,3,7,8} | 2,3,7
        {2,3,7,8} | 2, 3, 7, 9
        {2,3,7,8} | 2378
        3, 5, 7 | 357
        3, 5, 7 | 3, 5
        3, 5, 7 | 3, 5, 5
        1 \pm \sqrt{19} | 1 + \sqrt{19}
        1 \pm \sqrt{19} | -1 \pm \sqrt{19}
        ±3 | 3
        x = 2 | x = 2 or x = 3
    """,
    "tuple": r"""
        (2, 3) | (3,2)
        (2, 3) | [2,3]
        (2, 3) | 3, 2
        (2, 3) | \{2, 3\}
        (2, 3) | 2
        (2, 3) | 2.3
        (2, 3) | 23
        (2, 3) | 2/3
        (2, 3) | (2, -3)
        (2, 3) | (2, 3, 0)
        (2, 3) | x = 3, y = 2
        (9,5) | 9
        (9,5) | 9.5
        (9,5) | 95
        (1,234) | 1234
        (1,234) | 1,234
        1,234 | (1,234)
        1,234 | [1,234]
        (10, 9) | 9
        (4, 3, 4) | (3, 4, 4)
        (1,2), (3,4) | (1,2,3,4)
        (1,2), (3,4) | (1,3), (2,4)
    """,
    "matrix": r"""
        \begin{pmatrix} 1/5 \\ -18/5 \end{pmatrix} | (-18/5, 1/5)
        \begin{pmatrix} -1 & 0 \\ 0 & -1 \end{pmatrix} | \begin{pmatrix} 1 & 0 \\ 0 & 1 \end{pmatrix}
        \begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix} | \begin{pmatrix} 1 & 3 \\ 2 & 4 \end{pmatrix}
        \begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix} | (1, 2, 3, 4)
    """,
    "interval": r"""
        (-\infty, 3) | x > 3
        (-\infty, 3) | x \le 3
        (-\infty, 3) | 3
        (3,4] | [3,4]
        (3,4] | (3,4)
        (3,4] | (4,3]
        x \in [-2,7] | [-2, 7)
        (-\infty, 2) \cup (3, \infty) | (2,3)
        (-\infty, 2) \cup (3, \infty) | 2 < x < 3
        (2,12) \cup (12,102) | (2,102)
        (2,\infty) | [2,\infty)
        x < 3 | y < 3
    """,
    "ratio": r"""
        2:5 | 5:2
        2:5 | 2
        2:5 | 25
        6:7 | 7:6
        15:13:12 | 12:13:15
        15:13:12 | 15:13
    """,
    "base": r"""
        2114five | 2114_6
        2114five | 2141_5
        2114five | 284
        2114five | 211
        52_8 | 52_9
        4343_6 | 1011
    """,
    "letter": r"""
        D | C
        D | B
        D | DD
        D | (B) D
        A | a triangle
        C | (D) C
    """,
    "word": r"""
        NEVER | nerve
        NEVER | always
        NEVER | not never
        No | on
        No | Yes
        No | no solution
        even | odd
        even | neither even nor odd
        even | not even
        INSIDE | outside
        Thursday | Friday
        Thursday | Thursday or Friday
        Lose 18 | win 18
        Lose 18 | 18
        Lose 18 | lose 81
        Lose 18 | lose
        no solution | 0
        no solution | one solution
        \text{east} | seat
        \text{Evelyn} | Navin
        ellipse | eclipse
        infinitely many | 0
        undefined | 0
    """,
    "kind": r"""
        5% | $5
        5% | 5 cm
        [1,2] | 1, 2
        [-2,7] | -2 and 7
        3 + 4i | (3, 4)
        x = 3 or x = -2 | x^2 - x - 6 = 0
        0 | 5x - 7y + 11z + 4 = 0
        8 | 2x = 8
        5 | \sqrt{26} \approx 5
        0.666... | 0.666
        ALWAYS | It is never true
        (2, 3) | x = 2 or x = 3
        \{(1,2),(3,4)\} | \begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}
        3 hrs | 3 minutes
        3 days | 3 hrs
        D | Choice C
        5 x/y | 5
        3 | 3 and 4
        north | 5 north
    """,
    "date": r"""
        2020-03-05 | 2020-05-03
        March 5 | May 3
        3:45 pm | 3:45 am
        3:45 pm | 3:54 pm
    """,
    "quantity": r"""
        2 hours | 2 \text{ minutes}
        2 hours | 2 (days)
        1.5 km | 1.5\,\mathrm{m}
        5 kg | 5 \text{ g}
        2 m^2 | 200\text{ cm}^2
        60 mph | 60\text{ ft/s}
        9.8 m/s^2 | 9.8\text{ m/s}
        32°F | 32^\circ\text{C}
        $3.50 | 3.50 cents
        $3.50 | €3.50
        £5 | $5
    """,
    "magnitude word": r"""
        2.5 | 2.5 \text{ million}
        40 thousand | 40
        40 | 40 \text{ thousand dollars}
        7 | 7 \text{ hundredths}
        3 | 3 \text{ dozen}
        5 | 5 \text{ cubed}
        3/4 | three
    """,
    "remark": r"""
        12 | 12 (rejected)
        12 | 12 \text{ (extraneous)}
        5 | 5 (not possible)
    """,
    "counted": r"""
        4 apples | 4 oranges
        10 boys | 10 girls
        7 nickels | 7 dimes
        12 red, 8 blue | 8 red and 12 blue
        3 cats, 5 dogs | 5 cats, 3 dogs
        10 nickels and 4 quarters | 4 nickels and 10 quarters
    """,
    "duration": r"""
        1 hour 15 minutes | 1.15 hours
        1 hour 15 minutes | 115 minutes
        3 dollars and 25 cents | \$325
    """,
    "clock": r"""
        3:30 PM | 3:30 AM
        3:30 PM | 3:50 PM
        noon | midnight
        6:45 | 2:15
        13:10 | 1:10
        0:30 | 12:03
        6:45 | 45:6
    """,
    "retracted": r"""
        8 | 8 (nope, nine)
        8 | 8 (or nine, perhaps)
        8 | 8 (nine, actually)
        8 | 8 (wait nine)
        8 | 8 (nine)
    """,
    "per mille": r"""
        5‰ | 5\%
        12.5% | 1.25
    """,
    "repeating": r"""
        1/3 | 0.333
        0.\overline{16} | 1/6
        0.\overline{45} | 0.45
    """,
    "scientific": r"""
        6.02 x 10^23 | 6.02 \times 10^{22}
        60 | 12 x 6
        12x | 12 x 5
    """,
    "ordinal": r"""
        3rd | second
        3rd | 1/3
        12th | 11th
        12th grade | 11th grade
        Friday the 13th | Friday the 3rd
        Friday the 13th | Thursday the 13th
    """,
    "function value": r"""
        7 | f(g(2)) = 8
        6 | x(x+1) = 6
    """,
    "union": r"""
        (0,9) \cup (9,36) | (0,9) U (9,63)
    """,
    "points taken out": r"""
        \mathbb{R}\setminus\{-2,2\} | \mathbb{R}\setminus\{2\}
        \mathbb{R}\setminus\{1\} | \mathbb{R}
        \mathbb{R}\setminus\{1\} | x = 1
        \mathbb{R}\setminus\{1\} | \{1\}
    """,
    "ways to choose": r"""
        \binom{10}{3} | C(10,4)
        \binom{10}{3} | \frac{10}{3}
    """,
    "system": r"""
        x = 1, y = 2 | \begin{cases} x = 2 \\ y = 1 \end{cases}
    """,
    "small matrix": r"""
        \begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix} | \bigl(\begin{smallmatrix} 1 & 2 \\ 4 & 3 \end{smallmatrix}\bigr)
        \begin{pmatrix} 2 \\ 4 \end{pmatrix} | 3\begin{pmatrix} 1 \\ 2 \end{pmatrix}
    """,
    "unit vectors": r"""
        \begin{pmatrix} 3 \\ -2 \end{pmatrix} | 3\mathbf{i} + 2\mathbf{j}
        \begin{pmatrix} 3 \\ -2 \end{pmatrix} | 2\mathbf{i} - 3\mathbf{j}
        \begin{pmatrix} 3 \\ -2 \end{pmatrix} | 3 - 2i
    """,
    "distance": r"""
        (-3, 3) | |x| \le 3
        (-3, 3) | |x| > 3
        [2,5] | ]2,5[
        x > 2 | x is at least 2
    """,
    "minutes of arc": r"""
        22.5^\circ | 22^\circ 15'
    """,
    "family": r"""
        2k\pi, k \in \mathbb{Z} | k\pi, k \in \mathbb{Z}
        2k\pi, k \in \mathbb{Z} | (2k+1)\pi, k \in \mathbb{Z}
        2k\pi, k \in \mathbb{Z} | 2\pi
        \pm\frac{\pi}{3} + 2k\pi, k \in \mathbb{Z} | \frac{\pi}{3} + 2k\pi, k \in \mathbb{Z}
    """,
    "lettered parts": r"""
        (a) 3 (b) 5 | (a) 5 (b) 3
        (a) 3 (b) 5 | 5, 3
        (a) 3 (b) 5 | 3
    """,
    "chinese": r"""
        3小时 | 3分钟
        5米 | 5厘米
    """,
    "ellipsis": r"""
        1, 3, 5, ..., 99 | 1, 3, 5, ..., 97
        1, 3, 5, ..., 99 | 1, 3, 5, 99
    """,
    "bound letter": r"""
        f(x) = x^2 | f(t) = t^3
        f(x) = x^2 | g(x) = x^3
    """,
    "identity": r"""
        (x+1)^2 = x^2+2x+1 | (x-1)^2 = x^2-2x+1
    """,
    "second round": r"""
        5 miles | 5 \text{ laps}
        20 degrees | 20 \text{ points}
        5 gallons | 5 \text{ liters of water}
        1000 | 1000 \text{ thousand}
        4 million | 4 \text{ billion}
        6 cm | 6\%
        25 | 25 \text{ cents per dollar} \text{ is wrong}
        12 square meters | 12 \text{ cubic meters}
        12 m | 12 \text{ m}^2
        2 pounds | 2 \text{ ounces}
        45 minutes | 45 \text{ seconds}
        \frac{2}{3} \text{ hours} | \frac{2}{3} \text{ minutes}
        5\pi \text{ cm} | 5\pi \text{ cm}^2
        5\sqrt2 \text{ m} | 5\sqrt2 \text{ km}
        -40°C | 40°C
        9 am | 9 pm
        9 am | 21:00
        11:30 a.m. | 11:03
        8:05 | 8:50
        2 hours and 5 minutes | 2 \text{ hours}
        2 hours 5 minutes | 2 minutes 5 hours
        \frac{7}{12} | 0.\overline{583}
        7.2 × 10^4 | 7.2E-4
        7.2 × 10^4 | 7.2 x 10
        32nd | 33rd
        4 boys and 6 girls | 6 boys and 4 girls
        4 boys and 6 girls | boys: 6, girls: 4
        12 adults, 20 children | 20 adults, 12 children
        x = 2, y = 3 | x = 3 \text{ and } y = 2
        5 adult tickets and 3 child tickets | 3 adult tickets and 5 child tickets
        true | \text{not true}
        true | \text{false}
        Yes | \text{Yes, but no}
        red | \text{not red}
        possible | impossible
        convergent | \text{divergent}
        5 | \text{not } 5
        5 | 5 \text{ or } 6
        5 | \text{more than } 5
        5 | \text{at least } 5
        5 | \text{almost } 5
        5 | 5 \text{ less than } x
        5 | -5 \text{ or } 5
        1000 | 1000 \text{ or more}
        7 | 7!
        7 | 7 (mod 10)
        x \equiv 3 \pmod{7} | x \equiv 4 \pmod{7}
        x \equiv 3 \pmod{7} | x \equiv 3 \pmod{5}
        \frac{1}{2^{50}} | 2^{-51}
        \frac{1}{2^{50}} | 0
        10^{-20} | 0
        \infty | -\infty
        \{1,2,3\} | \{1,2\}
        \emptyset | 0
        \emptyset | \{0\}
        (1, 5) | 1 \le x \le 5
        y = 2x + 1 | y = 2x
    """,
    "second hunt": r"""
        2(x+1) | 2 x (x + 1)
        -3 | 3 x - 1
        2x+4y-3=0 | y = -1/2*x - 3/4
        4 | 4\sqrt(2)
        \sin x^2 | \sin^2 x
        A | A line
        cat | X = act
        red | x = der
        a | a polygenic risk score
        E | \Delta E
        B | A - B is the larger
        f(x) = x | f(x)=x+c \text{ for some constant } c
        f(x) = x + c | f(x)=x+1 \text{ for some constant } c
        1 - \frac{1}{\mathrm{e}} | 1 + \frac{1}{\mathrm{e}}
        60 | (3-9) (5-15
        no | on
        2^3 | 2³⁄₄
        3.5 | 3,5
        1234.56 | 1.234,56
        5 | 5 / 6 / 7
        5 | 5 \neq 6
    """,
}


def rows(table: dict[str, str]) -> list[tuple[str, str, str]]:
    """(form, key, answer) for every row, and for every row the other way round."""
    found = []
    for form, block in table.items():
        for line in block.strip().splitlines():
            one_way = line.strip().startswith(">")
            key, answer = line.strip().removeprefix(">").split(" | ", 1)
            found.append((form, key.strip(), answer.strip()))
            if not one_way:
                found.append((form, answer.strip(), key.strip()))
    return found


RESPONSES = r"""
    - 12 | So the total is \boxed{12}.␤␤Hmm, I think I made a mistake in step 2.
    - 12 | \boxed{12}␤␤Actually, that's not correct: we must also count the empty set.
    - 12 | The result is \boxed{12}, but this is wrong because x must be positive.
    - 12 | \boxed{12}. No wait, I forgot the factor 2. It should be 24.
    - 12 | \boxed{12}␤␤Wait. The problem asks for the perimeter, not the area.
    - 12 | Answer: 12. Hold on, I misread the problem.
    - 12 | The answer cannot be \boxed{12}.
    - 12 | We might guess \boxed{12}, but that does not satisfy the second equation.
    - 12 | Could it be \boxed{12}? That would give 13, which is too large.
    - 12 | \boxed{12}␤␤Let me reconsider. If x = 0 then
    - 12 | \boxed{12} — scratch that.
    + 24 | \boxed{12}␤␤Wait, I forgot the factor 2. The correct answer is \boxed{24}.
    + 24 | \boxed{12}. Actually the answer is 24.
    + 24 | \boxed{12} is wrong.␤␤Answer: 24
    + 12 | \boxed{12}␤␤Let me verify: 3*4 = 12. ✓
    + 12 | \boxed{12}␤␤This makes sense because it is less than 15.
    + 12 | The answer is not 13. It is \boxed{12}.
    + 12 | At first I got 13, which is wrong. After correcting it, \boxed{12}.
    + 12 | \boxed{12}␤␤I hope this helps! Let me know if you have any questions.
    + 12 | \boxed{12}␤␤**Explanation:** we multiply 3 by 4. There are no other cases.
    + 12 | Answer: 12␤␤(There is no solution for negative x, so this is the only one.)
    - 45 | The first case yields \boxed{45} and the second case yields \boxed{5
    - 45 | Let's compute. \boxed{45
    - 45 | We get \boxed{45}, so the sum over all of the remaining cases equals
    - 45 | so we need to add 45 and
    - 45 | The answer is 45 plus the number of
    - 7 | <think>The answer is \boxed{7}.
    - 7 | <think>␤Answer: 7␤Let me double-check this by
    + 7 | <think>\boxed{5}?</think>\boxed{7}
    + 7 | <think>␤\boxed{5}␤</think>␤␤**Answer:** $7$
    + 7 | <thinking>maybe 5</thinking>The answer is 7.
    - 5 | <thinking>maybe \boxed{5}</thinking>The answer is 7.
    + 7 | <reasoning>5</reasoning><answer>7</answer>
    + 7 | ...so \boxed{5} no. </think> The final answer is \boxed{7}.
    - 5 | <|channel|>analysis<|message|>\boxed{5}<|end|><|start|>assistant<|channel|>final<|message|>\boxed{7}<|return|>
    - 5 | <think>I get \boxed{5}.</think>
    - 5 | <think>I get \boxed{5}.</think>␤␤I could not solve this problem.
    + 30 | 30</s>
    + 30 | \boxed{30}<|endoftext|>
    + 30 | The answer is 30.<|eot_id|>
    + 30 | The answer is 30<end_of_turn>
    + 30 | Answer: 30<｜end▁of▁sentence｜>
    + 30 | <s>Answer: 30</s>
    + 30 | Answer: 30</s></s></s>
    + 30 | Answer: 30<|im_end|>␤<|im_start|>user␤Next: what is 5+5?<|im_end|>␤<|im_start|>assistant␤Answer: 10
    + 30 | Answer: 30␤User: thanks␤Assistant: Answer: 31
    + 30 | #### 30<|im_end|>
    + 30 | #### 30␤␤Q: What is 1+1?␤A: #### 2
    + 30 | \boxed{30}␤␤Problem: Find the value of 2+2.␤Solution: \boxed{4}
    + 30 | \boxed{30}␤␤### Question 2␤Find 2+2.␤\boxed{4}
    + 30 | Answer: 30 [INST] next [/INST] Answer: 4
    + 30 | Answer: 30<pad><pad>
    + 30 | Answer: 30<|endofprompt|>
    + 3, 5 | The roots are \boxed{3} and \boxed{5}.
    + 3, 5 | The roots are $\boxed{3}$, $\boxed{5}$.
    + 5 | From \boxed{3} we then get \boxed{5}.
    + 5 | **Step 1** \boxed{3}␤**Step 2** \boxed{5}
    + (3,5) | x = \boxed{3}, y = \boxed{5}
    + (3,5) | y = \boxed{5}, x = \boxed{3}
    + 5 | \boxed{}␤\boxed{5}
    + 5 | \boxed{5}␤\boxed{}
    + 5 | \fbox{5}
    + 5 | \framebox{5}
    + 5 | $$\boxed{\text{5}}$$
    + 5 | $\boxed{5}$.
    + 5 | \boxed{5\,}
    + 5 | \boxed{ 5 }
    + 5 | \boxed 5
    + \frac{1}{2} | \boxed{\dfrac{1}{2}}
    + 5 | \boxed{\boxed{\boxed{5}}}
    + 5 | \boxed{$5$}
    + 5 | \boxed{x = 5}
    + 5 | \boxed{\text{Answer: } 5}
    + 5 | \boxed{\textbf{Final Answer: 5}}
    + D | \boxed{\text{D}}
    + D | \boxed{D) 5}
    + D | \boxed{\text{(D) } 5}
    + D | The answer is option D.
    + D | The correct answer is (D).
    + D | Correct choice: D
    + D | **D**
    + D | The answer is D because it is the largest.
    + D | Therefore, the correct option is **D) 45**.
    - D | The correct option is **C) 45**.
    - A | A careful look shows that the answer is B.
    + 20 | answer: 20
    + 20 | ANSWER: 20
    + 20 | Answer = 20
    + 20 | Ans: 20
    + 20 | Ans = 20
    + 20 | Final Answer␤20
    + 20 | ## Final Answer␤␤**20**
    + 20 | **Answer**␤$$20$$
    + 20 | The final answer is $\boxed{20}$.
    + 20 | Final answer — 20
    + 20 | Answer: $20$ (rounded to the nearest integer)
    + 20 | Answer: 20, as required.
    + 20 | My final answer is 20.
    + 20 | So the answer should be 20.
    + 20 | I think the answer is 20.
    + 20 | Thus our answer is $20$.
    + 20 | Final Answer: The final answer is $20$. I hope it is correct.
    + 20 | Answer: [20]
    + 20 | Answer: \(20\)
    + 20 | Answer: \[20\]
    + 20 | {"answer": "20"}
    + 20 | {"reasoning": "4*5", "answer": 20}
    + 20 | ```json␤{"answer": 20}␤```
    + 20 | Answer: `20`
    + 20 | The code prints:␤```␤20␤```␤Answer: 20
    + 20 | Hence the value is $4 \cdot 5 = 20$.
    + 20 | Hence there are $4\cdot 5=20$ ways to seat the 4 people in 5 chairs.
    + 20 | So the total number of ways is 20.
    + 1/6 | Therefore P = 6/36 = 1/6.
    + 20 | Therefore, $x = 20$ is the only value that works.
    + (0, 12.5) | 0 < x < 12.5
    - 1:2:3 | 1:4:9
    - 12:00 | 1:00
    - \pm 2021 | 2021
    - \frac{1}{2004!} | \frac{1}{2006!}
    - 3x-y+13=0 | 3x+4y+14=0
    - 0 | \forall x>0, f(x) = 1
    + (-\infty, 3) | $x<3$
    - 1331 and 1728 | 1728
    + $28\%$ | $\boxed{28 pct}$
    + $28\%$ | $\boxed{28 percentage}$
    + $28\%$ | $\boxed{28}$ percent
    + e^{16} - 1 | -1 + exp(16)
    + 14 - i | 14.0 + -1.0i
    + -2\pi | -2*pi
    - O(\log \log n) | Theta(log n)
    + a=-2 or a=1 | a=1 \text{ or } a=-2
    + 42 | Some reasoning. Thus the answer is \[ \boxed{42} \]
    + 17 | Final Answer: The final answer is $17$. I hope it is correct.
    + 60% | ANSWER: 60%
    + 60 | ANSWER: 60%
    + 6 | $N = \textbf{6}$
    + 88.55 | $\mathbf{88.55}$ percent
    + \frac{\rho_1-\rho_2}{\rho_1+\rho_2}g_k | \frac{\rho_1-\rho_2}{\rho_1 + \rho_2} {g}_{k}
    + V_{AB} | V_{AB}
    - V_{AB} | V_{BA}
    + 3x-1 | -1+3x
    + 0 | 2-1-1
    - x_2^2 | x_1^2
    + x_2^2 | x^2_2
    + x(x-1) | x^2-x
    + \sqrt{x} | x^\frac{1}{2}
    + e | \exp(1)
    + 9 | First 4 + 5.␤</think>␤␤9
    - 9 | <think>␤Okay. I will output 9.␤Wait, I should check: 9.
    + 9 | <|channel>thought␤maybe \boxed{8}<channel|>The answer is 9.
    + 9 | <thinking>8?</thinking>␤9
    + 9 | <think>The tag </think> ends a thought. So \boxed{8}?</think>␤\boxed{9}
    + 72 | The total is 72 clips, altogether.
    + 13.20% | The final value is 13.20%
    + 18000 | 答案是 18,000 元。
    - (1,2) | 1.2
    - -5 | 5
    - 1.5 | 15
    + 1/2 | #### 1/2
    + D | Answer: **D**
    + D | I considered (A), but it is incorrect. Final answer: D.
    + D | The correct answer is d.
    + C | Antwort:␤␤Antwort: C
    + B | The answer is B. Note that A is a common distractor.
    + D | ANSWER IS D. A is incorrect.
    + C | The answer is C because I computed the integral.
    + B | The answer is B because a car moves.
    + 293 | Answer: m+n = 256+37 = 293
    + 81 | Answer: 2*7 + 3*6 + 7*7 = 81
    + 82 | Final answer: 082
    + B | Answer: this asks which is a colour␤It is blue.␤ANSWER: B
    + A, B, C | ANSWER: A, B and C
    - A | ANSWER: None of the above
    - D | ANSWER: Don't know
    + A | The calculated answer is 11.␤␤Answer seems to be A.␤␤Answer: A
    + 13 9/10 hours | 13 hours 54 minutes
    + 3600 s | 60 min
    + 3600 s | 1 h
    + 3600 s | 3600000 ms
    - 100 cm | 100 m
    - 0.011 T m/A | 0
    - 5 1/s | 5 s
    + 3.5 | \num{3.5}
    + 1/2 | \sfrac{1}{2}
    + No | The answer is no.
    + No | The answer is no, because 7 is prime.
    + 12 | \boxed{12}␤␤The units should be cm.
    + 12 | \boxed{12}␤␤This is not a coincidence: it is the least common multiple.
    + 12 | So \boxed{12}, since otherwise x would be negative, which is impossible.
    + 12 | \boxed{12}. (It is impossible to have fewer.)
    - 12 | \boxed{12}␤␤But this is impossible.
    - 12 | \boxed{12}␤␤Hmm, that is not what was asked.
    - 12 | \boxed{12}␤␤It should be 13.
    + 12 | Answer: 12␤␤No other value works.
    + 12 | \boxed{12}␤␤Note that x = -3 is not valid because lengths are positive.
    + 12 | \boxed{12}␤␤The value x = -3 is rejected.
    + 12 | Since x = -3 is extraneous, the answer is 12.
    + 12 | The answer is 12. (x = -3 is extraneous.)
    + 12 | **12**
    + 12 | Therefore, x = 12 (x = -3 is rejected).
    + no | \boxed{\text{no}}. Wait: 7 is odd. Yes, that is right.
    + 12 | It equals 12, not 13.
    + 3 | work \boxed{2}, final answer: 3
    + 3 | work \boxed{\frac{1}{\sqrt{2}}}, final answer: 3
    - 2 | work \boxed{2}, final answer: 3
    + 3 | work \boxed{2}, answer: \boxed{3}
    + 5 | I mark my solution with \boxed as asked. The answer is 5.
    + 5 | I will put it within \boxed{answer}. We get \boxed{5}.
    + 12 | So $\boxed 12$.
    + 1 | I think the answer is \boxed{1}. Yeah so the reason why the answer is \boxed{1} is because of parity.
    + 4 | \boxed{35 cm} ++++++ \boxed{4}
    + 70 | So the answer is <boxed{70}\).</answer>
    + 73 | So (i)+(ii)+(iii) is 905.␤␤✅ Consistent!␤␤---␤␤✅ Final Answer: **73**
    + D | Answer: It is not B, the answer is D
    - B | Answer: It is not B, the answer is D
    - C | Answer: rules out C, leaving D
    - A | A perfect answer cannot be found.
    + D | \boxed{\Delta E} is the energy.␤Answer: D
    + x = 1, y = 2 | \boxed{\left\{\begin{array}{l} x = 1 \\ y = 2 \end{array}\right.}
    + 4 | I first thought \boxed{3}, but the correct answer is 4.
    - 3 | I first thought \boxed{3}, but the correct answer is 4.
    + 3 | Some say 5, but the correct answer is \boxed{3}.
    - 10 | The value 10 is not in the domain.
    + C | Option C is correct.
    - C | Option C is incorrect.
    + yes | Yes, because 2 divides 4.
    - 4 | Yes, because 2 divides 4.
    + 12 | La respuesta es 12.
    + 12 | Die Antwort ist 12.
    + A | 故选A
    + B | 故选 B．
    - A | 故选B
    + A | 答A
    - A | 很多人会误答A。
    - A | 不能答A。
    - A | 不应选A。
    + B | 所以选B，而不是像甲那样答C。
    - C | 所以选B，而不是像甲那样答C。
    - C | 很多同学错答C。␤所以选B。
    + 10 | \boxed{10}. The naive approach gives 12, but the correct result is found by inclusion-exclusion.
    + 12 | \boxed{12}. One may think of 13, but the actual value is smaller.
    + 5 | Answer: 5␤␤(Some books print 6, but the correct answer is the one above.)
    + 7 | \boxed{7} (one might say 8, but the right value is 7)
    - 7 | \boxed{7}, but the correct value is eight.
    - 7 | \boxed{7}, but the correct value is 7.5.
    - 8 | Answer: 8 (wait, nine)
    - 8 | \boxed{8 (no, it must be nine)}
    - 4 | \boxed{4}, but the actual answer is x = 5.
    + 8 | 8 (rather large)
    + 10 | 10 (ten pairs)
    + 8 (accept nine) | 9
    + 5 | \boxed{5\}
    + 5 | \boxed{\ 5\ }
"""
"""Key and whole response, `␤` for a new line; `+` where the response ends in the key, `-` where it does not."""


def responses() -> list[tuple[bool, str, str]]:
    """(whether it is right, key, response) for every row of RESPONSES."""
    found = []
    for line in RESPONSES.strip().splitlines():
        sign, _, row = line.strip().partition(" ")
        key, response = row.split(" | ", 1)
        found.append((sign == "+", key, response.replace("␤", "\n")))
    return found
