"""``{% icon "name" %}``."""

from django import template

from webmail.icons import icon

register = template.Library()
register.simple_tag(icon)
