import { describe, expect, it } from 'vitest';
import { expression } from './helpers.js';

describe('precedence (language.md, section 5)', () => {
  it.each([
    ['6 & 2 == 2', '(& 6 (== 2 2))'],
    ['1 << 2 == 8', '(<< 1 (== 2 8))'],
    ['1 << 3 >> 1', '(<< 1 (>> 3 1))'],
    ['64 >> 1 << 2', '(<< (>> 64 1) 2)'],
    ['1 | 2 ^ 3', '(| 1 (^ 2 3))'],
    ['7 & 3 ^ 5', '(& 7 (^ 3 5))'],
    ['1 << 1 + 2', '(<< 1 (+ 1 2))'],
    ['3 > 2 > 1', '(> (> 3 2) 1)'],
    ['1 == 2 < 3', '(== 1 (< 2 3))'],
    ['!$var(z) + 5', '(+ (! $var(z)) 5)'],
    ['!$var(a) == 0', '(== (! $var(a)) 0)'],
    ['defined $avp(x) + 5', '(+ (defined $avp(x)) 5)'],
    ['$var(a) || $var(b) && $var(c)', '(|| $var(a) (&& $var(b) $var(c)))'],
    ['$var(a) or $var(b) and not $var(c)', '(|| $var(a) (&& $var(b) (! $var(c))))'],
    ['1 - 2 - 3', '(- (- 1 2) 3)'],
    ['17 mod 5 * 2', '(* (mod 17 5) 2)'],
    ['(int)$var(s) + 1', '(+ ((int) $var(s)) 1)'],
    ['(str)(1 + 2) + "x"', '(+ ((str) (+ 1 2)) "x")'],
    ['2 - -$var(a)', '(- 2 (- $var(a)))'],
    ['"a" "b" + "c"', '(+ "ab" "c")'],
    ['$var(a) ieq 5 or "x" ne "y"', '(|| (ieq $var(a) 5) (ne "x" "y"))'],
  ])('%s', (text, tree) => {
    expect(expression(text)).toBe(tree);
  });
});

describe('core operands (language.md, section 10)', () => {
  it.each([
    ['method == "A" && 1', '(&& (== method "A") 1)'],
    ['method == INVITE', '(== method INVITE)'],
    ['method eq "A" + "B"', '(== method (+ "A" "B"))'],
    ['uri =~ "^sip" || status == "200"', '(|| (=~ uri "^sip") (== status "200"))'],
    ['uri == myself', '(== uri myself)'],
    ['myself != src_ip', '(!= src_ip myself)'],
    ['src_ip == 10.0.0.0/8', '(== src_ip 10.0.0.0/8)'],
    ['src_ip == 10.0.0.0/255.0.0.0', '(== src_ip 10.0.0.0/255.0.0.0)'],
    ['src_ip == [::1]/64', '(== src_ip [::1]/64)'],
    ['dst_ip != 2001:db8::1', '(!= dst_ip 2001:db8::1)'],
    ['src_ip == my-host.example', '(== src_ip my-host.example)'],
    ['src_ip == $var(ip)', '(== src_ip $var(ip))'],
    ['src_port > 5 + 3', '(> src_port (+ 5 3))'],
    ['src_port > 1 < 2', '(< (> src_port 1) 2)'],
    ['msg:len >= 100', '(>= msg:len 100)'],
    ['proto == ws', '(== proto ws)'],
    ['af == INET6', '(== af 10)'],
    ['1 + method == "A"', '(+ 1 (== method "A"))'],
  ])('%s', (text, tree) => {
    expect(expression(text)).toBe(tree);
  });
});

describe('values', () => {
  it.each([
    ['route(R) + 1', '(+ (route "R") 1)'],
    ['route("R_" + $var(i))', '(route (+ "R_" $var(i)))'],
    ['route(7)', '(route 7)'],
    ['isflagset(1) && is_method("A", 5)', '(&& (isflagset 1) (is_method "A" 5))'],
    ['($var(x) = 1)', '(= $var(x) 1)'],
    ['{ ; return -7; }', '{; (return -7)}'],
    ['selval($var(a) > 1, "b", $null)', '(selval (> $var(a) 1) "b" $null)'],
    ['strlen("a") + strempty($x)', '(+ (strlen "a") (strempty $x))'],
    ['@cfg_get.group.name', '@cfg_get.group.name'],
    ['@msg.header["X-Y"].param[1]', '@msg.header["X-Y"].param[1]'],
    ['$(hdr(Via)[1]{param.value,branch,;})', '$(hdr(Via)[1]{param.value,branch,;})'],
    ['xlog(,"c")', '(xlog "c")'],
    ['~~5', '(~ (~ 5))'],
    ['-(-2)', '(- -2)'],
  ])('%s', (text, tree) => {
    expect(expression(text)).toBe(tree);
  });
});
